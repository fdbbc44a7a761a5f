/// What a comparison of a published with a reproduced number says.
package enum Verdict: String, Sendable, Hashable, CaseIterable {
    /// They differ by at most the tolerance.
    case match
    /// They differ by more than the tolerance, but not by more than two runs do by chance.
    case withinNoise = "within noise"
    /// They differ by more than that.
    case differs
    /// Nothing was computed that could be compared.
    case notRun = "not run"
    /// There is a number, but it isn't of the same thing.
    case notComparable = "not comparable"
}
