package import Base
package import Recipes
package import SystemPackage

/// The folder in which artifacts, journals and records of runs are kept.
///
/// ```
/// store/<experiment>/<stage>-<first 12 digits of the fingerprint>/artifact.json …   whole artifacts
/// store/<experiment>/runs/<time>-<n>/run.json …                                    what each run did
/// store/<experiment>/determinism/<stage>-<12 digits>.json                            what `d3llm determinism` measured
/// store/<experiment>/launches/<time>-<n>/launch.json …  what was handed to a cluster's queue
/// store/.work/<fingerprint>/      journals and checkpoints of what isn't finished; survives a kill
/// store/.tmp/<fingerprint>.<n>/   an artifact being written; removed when its process is gone
/// store/.index/<fingerprint>      where an artifact is, for other experiments with the same stage
/// store/.locks/<fingerprint>.lock held by the process that makes the artifact; .lease on shared file systems
/// store/.damaged/                 folders that stood in an artifact's place without being one
/// store/.facts/<fingerprint>      sizes and times of an artifact's files when they were last hashed
/// store/.d3llm-store              says that this program made the store
/// ```
package struct Store: Sendable {
    /// The folder; created with the first artifact.
    package let root: FilePath

    /// How processes agree on who makes an artifact.
    package let locks: StoreLocks
    /// Whose artifacts count as being there.
    package let trust: Trust

    /// A store in this folder.
    ///
    /// - Parameters:
    ///   - locks: What to use where the store isn't used with leases already; what suits the file system when nil.
    ///   - trust: Whose artifacts count as being there.
    package init(_ root: FilePath, locks: StoreLocks? = nil, trust: Trust = .imported) {
        self.root = root
        self.locks = StoreLocks.suited(for: root, asked: locks)
        self.trust = trust
    }

    /// The same store for somebody who trusts others, or fewer.
    package init(_ store: Store, trust: Trust) {
        (root, locks, self.trust) = (store.root, store.locks, trust)
    }

    /// Where the artifact of a stage is, or will be.
    package func folder(of stage: Stage, in experiment: Experiment) -> FilePath {
        experimentFolder(experiment.name).appending(stage.folderName)
    }

    package func experimentFolder(_ name: String) -> FilePath { root.pushing(FilePath(name)) }

    /// Folders of an experiment's folder that hold no artifacts.
    package static let reservedFolders = ExperimentHead.reservedFolders

    package func workFolder(_ fingerprint: String) -> FilePath {
        root.appending(".work").appending(fingerprint)
    }

    var temporaryFolder: FilePath { root.appending(".tmp") }

    var locksFolder: FilePath { root.appending(".locks") }

    package func lockFile(_ fingerprint: String) -> FilePath { locksFolder.appending("\(fingerprint).lock") }

    /// What parks folders that stood in the place of an artifact; nobody's files are ever deleted.
    var damagedFolder: FilePath { root.appending(".damaged") }
}

/// A whole artifact: its folder and what its `artifact.json` says.
package struct Artifact: Sendable {
    package let folder: FilePath
    package let record: ArtifactRecord

    package init(folder: FilePath, record: ArtifactRecord) {
        self.folder = folder
        self.record = record
    }
}

/// What makes a store unusable for this version of the program.
package struct StoreError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    package init(description: String) {
        self.description = description
    }

    package static func newerFormat(_ path: FilePath, _ format: Int) -> StoreError {
        StoreError(
            description: """
                \(path) has format \(format), but this version of d3llm reads formats up to \(ArtifactRecord.format). \
                Use the newer version that wrote it, or another store (--store).
                """)
    }
}
