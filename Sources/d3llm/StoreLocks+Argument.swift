public import ArgumentParser
public import Pipeline

extension StoreLocks: ExpressibleByArgument {}
