public import ArgumentParser
public import Reporting

extension TableFormat: ExpressibleByArgument {}
