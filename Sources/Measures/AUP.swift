internal import Numerics

/// Accuracy under parallelism: the area under the curve of accuracy over tokens per forward, in which accuracy
/// counts less the further it is below the best one of the task (d3LLM, arXiv 2601.07568; upstream `aup_utils.py`).
///
///     AUP = ρ₁·y₁ + ½ · Σ (ρᵢ − ρᵢ₋₁) · (yᵢ·W(yᵢ) + yᵢ₋₁·W(yᵢ₋₁)),   W(y) = min(exp(−α·(1 − y/yMax)), 1)
package enum AUP {
    /// What happens to a curve that loses more accuracy than the offset allows.
    package enum Mode: String, Sendable, Hashable, CaseIterable {
        /// As the released code: points below the limit are dropped, but a curve whose *last* point is below it is
        /// refused. What the paper's numbers were made with.
        case upstream
        /// As the paper's text: points below the limit are dropped, whichever they are.
        case paper
    }

    /// The weight of a point with accuracy `y`.
    ///
    /// - Parameters:
    ///   - y: accuracy, in the unit of `yMax`.
    ///   - yMax: the best accuracy of any method on the task.
    ///   - alpha: how fast the weight falls with the distance to `yMax`.
    /// - Returns: a number in 0...1.
    package static func weight(_ y: Double, yMax: Double, alpha: Double = 3) -> Double {
        min(Elementary.exp(-alpha * (1 - y / yMax)), 1)
    }

    /// The area of one curve.
    ///
    /// - Parameters:
    ///   - tpf: tokens per forward ρ of each point, in any order.
    ///   - accuracy: accuracy y of each point, in percent.
    ///   - yMax: the best accuracy of any method and point on the task.
    ///   - alpha: see `weight`.
    ///   - offset: how far a point's accuracy may lie below that of the slowest point.
    ///   - mode: what happens to points that lie below.
    /// - Throws: `AUPError` for lists that aren't a curve, and in `.upstream` mode for one whose last point lies
    ///   more than `offset` below its first.
    package static func area(
        tpf: [Double], accuracy: [Double], yMax: Double, alpha: Double = 3, offset: Double = 5,
        mode: Mode = .upstream
    ) throws(AUPError) -> Double {
        guard tpf.count == accuracy.count else {
            throw .lengthMismatch(tpf: tpf.count, accuracy: accuracy.count)
        }
        guard !tpf.isEmpty else { throw .empty }
        // Positive first, then finite, so that what upstream refuses is refused for the same reason.
        if let bad = tpf.first(where: { !($0 > 0) }) { throw .nonPositiveTPF(bad) }
        guard (tpf + accuracy + [alpha, offset]).allSatisfy(\.isFinite) else { throw .notFinite }
        guard yMax > 0, yMax.isFinite else { throw .illegalBest(yMax) }

        let order = tpf.indices.sorted { (tpf[$0], $0) < (tpf[$1], $1) }
        let (first, last) = (order[0], order[order.count - 1])
        let drop = accuracy[first] - accuracy[last]
        if mode == .upstream, !(drop <= offset) {
            throw .accuracyFallsTooFar(first: accuracy[first], last: accuracy[last], offset: offset)
        }

        let limit = accuracy[first] - offset
        return area(
            of: order.filter { accuracy[$0] >= limit }, beginning: first, tpf: tpf, accuracy: accuracy,
            yMax: yMax, alpha: alpha)
    }

    /// The area of a curve of which the points below a given accuracy don't count, its slowest among them.
    ///
    /// With `area(tpf:accuracy:yMax:alpha:offset:mode:)` every curve has a cut-off of its own, so that a method whose
    /// slowest setting is one problem better loses a setting that another keeps; this one has the same for all.
    /// - Parameter limit: accuracy in percent.
    /// - Returns: nil where every point is below the limit.
    package static func area(
        tpf: [Double], accuracy: [Double], yMax: Double, alpha: Double = 3, limit: Double
    ) -> Double? {
        let kept = tpf.indices.sorted { (tpf[$0], $0) < (tpf[$1], $1) }.filter { accuracy[$0] >= limit }
        return kept.first.map {
            area(of: kept, beginning: $0, tpf: tpf, accuracy: accuracy, yMax: yMax, alpha: alpha)
        }
    }

    /// The rectangle of the slowest point and the trapezia between the others, which rise in speed.
    static func area(
        of kept: [Int], beginning first: Int, tpf: [Double], accuracy: [Double], yMax: Double,
        alpha: Double = 3
    ) -> Double {
        var area = tpf[first] * accuracy[first]
        for (left, right) in zip(kept, kept.dropFirst()) {
            let heights =
                accuracy[right] * weight(accuracy[right], yMax: yMax, alpha: alpha)
                + accuracy[left] * weight(accuracy[left], yMax: yMax, alpha: alpha)
            area += 0.5 * (tpf[right] - tpf[left]) * heights
        }
        return area
    }

    /// The area of the curve through measured points; see `area(tpf:accuracy:yMax:alpha:offset:mode:)`.
    package static func area(
        _ points: [CurvePoint], yMax: Double, alpha: Double = 3, offset: Double = 5, mode: Mode = .upstream
    ) throws(AUPError) -> Double {
        try area(
            tpf: points.map(\.tpf), accuracy: points.map(\.accuracy), yMax: yMax, alpha: alpha,
            offset: offset,
            mode: mode)
    }
}

/// Why a curve has no area.
package enum AUPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The two lists don't have the same length.
    case lengthMismatch(tpf: Int, accuracy: Int)
    /// The curve has no point.
    case empty
    /// A point's tokens per forward is zero, negative or not a number.
    case nonPositiveTPF(Double)
    /// An accuracy, speed, alpha or offset is infinite or not a number.
    case notFinite
    /// The best accuracy isn't a positive number.
    case illegalBest(Double)
    /// The fastest point loses more accuracy than the offset allows.
    case accuracyFallsTooFar(first: Double, last: Double, offset: Double)

    package var description: String {
        switch self {
        case .lengthMismatch(let tpf, let accuracy):
            "A curve needs one accuracy per speed, but there are \(tpf) speeds and \(accuracy) accuracies."
        case .empty:
            "A curve needs at least one point, but there is none."
        case .nonPositiveTPF(let tpf):
            "A point has \(tpf) tokens per forward: every point must have a positive one."
        case .notFinite:
            "A point, alpha or the offset is infinite or not a number: all must be finite."
        case .illegalBest(let best):
            "The best accuracy of the task is given as \(best): it must be a positive number."
        case .accuracyFallsTooFar(let first, let last, let offset):
            "The accuracy falls from \(first) at the slowest to \(last) at the fastest point, which is more than "
                + "the offset \(offset): leave out faster settings, or use the mode `paper`, which drops such points."
        }
    }
}

/// How the areas of one method on several tasks are averaged.
///
/// The released leaderboard code names tasks to exclude in lower case but compares them with the tasks' own
/// spelling, so that none is excluded, and it divides every sum by 5, also for a method with more or fewer tasks or
/// one that appears on two leaderboards.
package struct LeaderboardAverage: Sendable, Hashable {
    /// What the sum is divided by.
    package enum Divisor: Sendable, Hashable {
        /// A number that doesn't depend on the method.
        case fixed(Double)
        /// The number of areas that went into the sum.
        case taskCount
    }

    /// The tasks that are left out.
    package let excluded: Set<String>
    /// Whether a task is left out only if its name has the same upper and lower case.
    package let matchesCase: Bool
    /// What the sum is divided by.
    package let divisor: Divisor

    /// A rule of the given parts.
    package init(excluded: Set<String>, matchesCase: Bool, divisor: Divisor) {
        self.excluded = excluded
        self.matchesCase = matchesCase
        self.divisor = divisor
    }

    private static let plusTasks: Set<String> = ["humaneval+", "mbpp+"]

    /// As the released code computes it.
    package static let upstream = Self(excluded: plusTasks, matchesCase: true, divisor: .fixed(5))

    /// As its exclusion list reads: the two "plus" tasks are left out, and the mean is over the method's own tasks.
    package static let intended = Self(excluded: plusTasks, matchesCase: false, divisor: .taskCount)

    /// The average of a method's areas.
    ///
    /// - Parameter areas: the tasks of all leaderboards in their order, each with the method's area on it.
    /// - Returns: nil when no area remains.
    package func callAsFunction(_ areas: [(task: String, area: Double)]) -> Double? {
        let folded = Set(excluded.map { $0.lowercased() })
        let kept = areas.filter { entry in
            matchesCase ? !excluded.contains(entry.task) : !folded.contains(entry.task.lowercased())
        }
        guard !kept.isEmpty else { return nil }
        let sum = kept.reduce(0) { $0 + $1.area }
        switch divisor {
        case .fixed(let number): return sum / number
        case .taskCount: return sum / Double(kept.count)
        }
    }
}
