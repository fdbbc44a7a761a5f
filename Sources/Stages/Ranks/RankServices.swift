package import ArtifactStore
package import Recipes
package import Runs

extension Stages {
    /// What a rank other than 0 can be asked.
    ///
    /// - Parameter threads: How many it computes with.
    /// - Throws: `FileError` when there is no room for temporary files.
    package static func rankServices(
        _ experiment: Experiment, _ store: Store, _ permissions: Permissions, threads: Int
    ) throws -> [String: any RankService] {
        [
            GroupService.name: try GroupService(experiment, store, permissions),
            LaneService.name: LaneService(threads: threads),
        ]
    }
}
