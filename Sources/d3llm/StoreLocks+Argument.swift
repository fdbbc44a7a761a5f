import ArgumentParser
import ArtifactStore

extension StoreLocks: ExpressibleByArgument {}
