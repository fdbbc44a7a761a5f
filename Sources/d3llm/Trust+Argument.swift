public import ArgumentParser
public import ArtifactStore

extension Trust: ExpressibleByArgument {}
