/// Why word problems can't be generated.
package enum WordProblemsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number of steps is outside 1...3.
    case illegalSteps(Int)
    /// The decay isn't above 0 and at most 1.
    case illegalVariantDecay(Double)
    /// So many problems were asked for that no new question is found.
    case exhausted(split: WordProblems.Split, index: Int)

    package var description: String {
        switch self {
        case .illegalSteps(let steps):
            "A word problem can't have \(steps) steps: legal are 1, 2 and 3."
        case .illegalVariantDecay(let decay):
            "The variant decay \(decay) is outside its range: it must be above 0 and at most 1 (1 means uniform)."
        case .exhausted(let split, let index):
            "No new question was found for problem \(index) of the \(split.rawValue) split after "
                + "\(WordProblems.attemptLimit) draws: ask for fewer problems, or for more steps per problem."
        }
    }
}
