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

    /// The log-probabilities that the rows of `jobs` give the tokens of `sequence`; positions beyond it are left out.
    static func likelihoods(
        _ jobs: ArraySlice<ScoringJob>, of sequence: [Int32], alternatives: Int, _ logits: Matrix,
        threads: Int
    ) -> [TokenLikelihood] {
        let jobs = jobs.filter { sequence.indices.contains($0.position) }
        var found = [TokenLikelihood?](repeating: nil, count: jobs.count)
        found.withUnsafeMutableBufferPointer { buffer in
            // Safe for the same reason.
            nonisolated(unsafe) let out = buffer
            Threads.parallelFor(jobs.count, threads: threads) { (index: Int) -> Void in
                let job = jobs[index]
                out[index] = job.withRow(logits) {
                    TokenLikelihood(
                        of: sequence[job.position], at: job.position, $0, alternatives: alternatives)
                }
            }
        }
        return found.compactMap { $0 }
    }

    private func prediction(_ logits: Matrix) -> Prediction {
        withRow(logits) { RowScorer.prediction(at: position, $0, choice: choice, draws: draws) }
    }

    private func withRow<Result>(
        _ logits: Matrix, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) -> Result {
        switch row {
        case .fresh(let index): body(logits.row(index))
        case .kept(let row): row.withUnsafeBufferPointer(body)
        }
    }
}
