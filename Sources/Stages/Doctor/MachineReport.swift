package import ArtifactStore
internal import Numerics

/// What `d3llm doctor` says: what this machine has, how fast it is, and what it lacks.
package struct MachineReport: Sendable {
    /// The matrix library, or why there is none.
    package enum MatrixLibrary: Sendable {
        case loaded(NumericsFacts.MatrixLibrary)
        /// What is wrong, and how it is put right.
        case missing(String)
    }

    package let machine: Machine
    /// As the kernel lists them: `0-3,8`.
    package let allowedProcessors: String?
    package let onlineProcessors: Int
    /// In bytes.
    package let availableMemory: Int?
    /// The instruction level that the project's own kernels take.
    package let vectorLevel: String
    package let store: Store
    /// On the store's disk, in bytes.
    package let freeSpace: Int?
    package let library: MatrixLibrary
    /// Nil where there is no library to measure.
    package let speed: SpeedTest?

    /// What has to be put right before an experiment can run, as sentences.
    package var problems: [String] {
        if case .missing(let problem) = library { [problem] } else { [] }
    }

    /// Looks at this machine and measures it.
    ///
    /// - Parameters:
    ///   - store: Where artifacts will go.
    ///   - threads: How many threads to measure with.
    ///   - seconds: For each of six measurements.
    package static func make(store: Store, threads: Int, seconds: Double = 0.25) -> MachineReport {
        let library: MatrixLibrary
        do throws(BLASError) {
            library = .loaded(.init(try BLAS.load()))
        } catch {
            library = .missing(error.description)
        }
        let isLoaded = if case .loaded = library { true } else { false }
        return MachineReport(
            machine: .current, allowedProcessors: Machine.allowedProcessors(),
            onlineProcessors: Machine.onlineProcessors(), availableMemory: Machine.availableMemory(),
            vectorLevel: Kernels.level, store: store, freeSpace: store.freeSpace(), library: library,
            speed: isLoaded ? SpeedTest.run(threads: threads, seconds: seconds) : nil)
    }
}
