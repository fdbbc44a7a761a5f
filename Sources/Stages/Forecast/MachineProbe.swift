package import ArtifactStore
internal import Files
internal import Numerics
package import Runs
internal import Synchronization
internal import Transformers

/// Measures how fast this machine does the work of stages, when it is first asked.
///
/// Models are tried out at their own shapes: a few passes with random weights take in the rate of the matrix
/// products, the elementwise work, the cost of a call and the threads' getting in each other's way. Models too large
/// for that are tried in a smaller copy, with time taken proportional to the operations and at least what it takes to
/// read the weights from memory.
package final class MachineProbe: SpeedMeter {
    /// What all measurements together should take.
    private static let budget = Duration.seconds(2)
    /// A forward pass of more operations or weights is tried in a smaller copy.
    private static let largestOperations = 4e9
    private static let largestParameters = 12_000_000

    private struct State {
        var seconds: [ModelWork: Double] = [:]
        var spent = Duration.zero
        var bandwidth: Double?
    }
    private let state = Mutex(State())
    private let threads: Int
    private let store: Store

    /// Measures nothing yet.
    ///
    /// - Parameters:
    ///   - threads: How many threads the run would have.
    ///   - store: Whose disk is measured.
    package init(threads: Int, store: Store) {
        self.threads = threads
        self.store = store
    }

    package func seconds(of work: Work) -> Double? {
        guard let work = ModelWork(work) else { return nil }
        return state.withLock { state in
            if let known = state.seconds[work] { return known }
            // Out of time: what is known of work like it has to do.
            if state.spent > Self.budget, let like = nearest(to: work, state) {
                return like.seconds * work.operations / like.work.operations
            }
            let start = ContinuousClock.now
            let seconds = measure(work, &state)
            state.spent += start.duration(to: .now)
            state.seconds[work] = seconds
            return seconds
        }
    }

    private func nearest(to work: ModelWork, _ state: State) -> (work: ModelWork, seconds: Double)? {
        let wanted = work.operations
        func distance(_ other: ModelWork) -> Double {
            max(wanted, other.operations) / min(wanted, other.operations)
        }
        return state.seconds.filter { $0.key.isLike(work) }.min { distance($0.key) < distance($1.key) }
            .map { ($0.key, $0.value) }
    }

    private func measure(_ work: ModelWork, _ state: inout State) -> Double? {
        switch work {
        case .forward(let shape): return forward(shape, &state)
        case .gradient(let shape, let keeps): return gradient(shape, keepsActivations: keeps)
        case .adapterGradient(var shape, let share, let forwards, let isHalf):
            // Models to be adapted are wide: what isn't in products would count too much in a narrow copy.
            shape.configuration.vocabulary = min(shape.configuration.vocabulary, 4096)
            let tried = shape.reduced(
                operations: 10 * Self.largestOperations, parameters: 3 * Self.largestParameters)
            return ModelProbe.adapterGradient(
                tried, share: share, forwards: forwards, isHalf: isHalf, threads: threads
            ).map {
                $0 * work.operations
                    / tried.adapterOperations(share: share, forwards: forwards)
            }
        case .optimizer(let configuration, let isMuon): return optimizer(configuration, isMuon: isMuon)
        case .decoderStep: return ModelProbe.decoderStep(threads: threads)
        case .generateProblem: return DataProbe.generateProblem()
        case .readProblem: return DataProbe.readProblem()
        case .bootstrap: return DataProbe.bootstrap()
        case .writeMegabyte: return DiskProbe.writeMegabyte(in: store.existingFolder)
        }
    }

    private func forward(_ shape: PassShape, _ state: inout State) -> Double? {
        let tried = shape.reduced(operations: Self.largestOperations, parameters: Self.largestParameters)
        guard let seconds = ModelProbe.forward(tried, threads: threads) else { return nil }
        guard tried != shape else { return seconds }
        let bandwidth = state.bandwidth ?? ModelProbe.bandwidth(threads: threads)
        state.bandwidth = bandwidth
        let reading = 4 * Double(shape.configuration.parameterCount * threads) / bandwidth
        return max(seconds * shape.forwardOperations / tried.forwardOperations, reading)
    }

    private func gradient(_ shape: PassShape, keepsActivations: Bool) -> Double? {
        let tried = shape.reduced(
            operations: 2 * Self.largestOperations, parameters: Self.largestParameters / 3)
        return ModelProbe.gradient(tried, keepsActivations: keepsActivations, threads: threads).map {
            $0 * shape.trainingOperations / tried.trainingOperations
        }
    }

    private func optimizer(_ configuration: TransformerConfiguration, isMuon: Bool) -> Double? {
        let tried = PassShape(configuration, sequences: 1, tokens: 1, logitRows: 1)
            .reduced(operations: .infinity, parameters: Self.largestParameters / 6).configuration
        return ModelProbe.optimizer(tried, isMuon: isMuon, threads: threads).map {
            $0 * configuration.updateOperations(isMuon: isMuon) / tried.updateOperations(isMuon: isMuon)
        }
    }
}

/// Times of something that is done several times.
enum Stopwatch {
    /// The lower quartile of some rounds after one to warm up, at least three unless they are long: what disturbs a
    /// measurement only makes it longer.
    static func seconds(_ body: () -> Void) -> Double {
        // The first one also takes its memory from the system, which can be most of its time.
        body()
        var times: [Double] = []
        let start = ContinuousClock.now
        while times.count < 3 || (start.duration(to: .now) < .milliseconds(60) && times.count < 200) {
            let clock = ContinuousClock.now
            body()
            times.append(clock.duration(to: .now).inSeconds)
            if start.duration(to: .now) > .milliseconds(300) { break }
        }
        return times.sorted()[times.count / 4]
    }
}

extension Duration {
    /// In seconds.
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
