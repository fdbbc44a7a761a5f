extension Problem {
    /// The length of the longest chain of quantities in the response that must be known one after the other.
    ///
    /// The quantities of a response and what each of them needs:
    /// - the start total of the introduction is copied from the question: depth 1;
    /// - the total after the first step needs only numbers of the question (start and change): depth 1;
    /// - the total after step k > 1 needs the total after step k - 1 and a change from the question: depth k;
    /// - the answer after `####` repeats the last total: one more.
    ///
    /// A problem with n ≥ 1 steps therefore has depth n + 1, and one without steps has 2 (copied, then repeated).
    ///
    /// The depth bounds a decoder that is *exact* (every token it commits is the one it would commit after all
    /// tokens before it) and whose model computes *one link of the chain per forward evaluation*: it needs at least
    /// `dependencyDepth` forwards for the response, however many tokens it commits in each. It isn't a bound for
    /// every model: one that adds two changes in one evaluation may be faster, and one that guesses may be as well.
    ///
    /// Nil where it isn't known: Sudoku's cells and Countdown's steps can be found in many orders.
    package var dependencyDepth: Int? {
        guard rules == .finalNumber else { return nil }
        let introduction = 1
        let lastTotal = max(introduction, steps.count)
        return lastTotal + 1
    }

    /// The most tokens per forward that an exact decoder with one link per forward can reach on a whole set.
    ///
    /// - Parameters:
    ///   - answerTokens: for each problem the number of tokens of its response, counted as for tokens per forward.
    ///   - depths: for each problem its `dependencyDepth`.
    /// - Returns: the ratio of the sums (as tokens per forward is one), or nil for an empty set.
    package static func tokensPerForwardBound(answerTokens: [Int], depths: [Int]) -> Double? {
        precondition(answerTokens.count == depths.count, "one token count and one depth per problem")
        let depth = depths.reduce(0, +)
        guard depth > 0 else { return nil }
        return Double(answerTokens.reduce(0, +)) / Double(depth)
    }
}
