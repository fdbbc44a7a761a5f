import ArgumentParser
import ArtifactStore

extension Trust: ExpressibleByArgument {}
