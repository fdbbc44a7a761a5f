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
