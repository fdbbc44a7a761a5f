import Sandbox
import Testing

/// Sympy's verdicts, where it is installed.
struct SymbolicEquivalenceTests {
    @Test func sympyKnowsWhatSpellingDoesnt() throws {
        guard let sympy = SymbolicEquivalence() else { return }
        let pairs = [
            ("x+x", "2x"), ("x", "y"), (#"\frac{1}{2}"#, "0.5"), (#"\frac{"#, "1"), ("(x+1)^2", "x^2+2x+1"),
            ("[2,5)", "[2,5)"),
        ]
        #expect(try sympy.areEqual(pairs) == [true, false, true, false, true, false])
    }
}
