public import ArgumentParser
public import ArtifactStore

extension StoreLocks: ExpressibleByArgument {}
