public import ArgumentParser
public import Pipeline

extension Trust: ExpressibleByArgument {}
