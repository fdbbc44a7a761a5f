public import ArgumentParser
import ArtifactStore
public import Reporting

// Types of other modules that options take.

extension StoreLocks: ExpressibleByArgument {}
extension TableFormat: ExpressibleByArgument {}
extension Trust: ExpressibleByArgument {}
