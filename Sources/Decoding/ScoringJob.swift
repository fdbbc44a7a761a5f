internal import Numerics

/// One row of logits to be turned into a prediction.
struct ScoringJob: Sendable {
    enum Row: Sendable {
        /// A row of the turn's logits.
        case fresh(Int)
        /// A row kept from an earlier turn.
        case kept([Float])
    }

    let position: Int
    let row: Row
    let choice: TokenChoice
    let draws: SamplingStep?

    /// Scores all jobs; `logits` is [rows, V].
    static func run(_ jobs: [ScoringJob], _ logits: Matrix, threads: Int) -> [Prediction] {
        let empty = Prediction(position: 0, token: 0, probability: 0, entropy: 0)
        var predictions = [Prediction](repeating: empty, count: jobs.count)
        predictions.withUnsafeMutableBufferPointer { buffer in
            // Safe: each index is written by one call of the body, and nothing reads before all have returned.
            nonisolated(unsafe) let out = buffer
            Threads.parallelFor(jobs.count, threads: threads) { (index: Int) -> Void in
                out[index] = jobs[index].prediction(logits)
            }
        }
        return predictions
    }

    private func prediction(_ logits: Matrix) -> Prediction {
        switch row {
        case .fresh(let index):
            RowScorer.prediction(at: position, logits.row(index), choice: choice, draws: draws)
        case .kept(let row):
            row.withUnsafeBufferPointer {
                RowScorer.prediction(at: position, $0, choice: choice, draws: draws)
            }
        }
    }
}
