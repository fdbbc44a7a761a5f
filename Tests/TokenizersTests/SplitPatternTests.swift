import Testing

@testable import Tokenizers

/// The wrapper of oniguruma.
struct SplitPatternTests {
    private func matches(_ pattern: SplitPattern, _ text: String) -> [Range<Int>] {
        let region = MatchRegion()
        return Array(text.utf8).withUnsafeBufferPointer { bytes in
            var found: [Range<Int>] = []
            var start = 0
            while let match = pattern.firstMatch(in: bytes, from: start, region), !match.isEmpty {
                found.append(match)
                start = match.upperBound
            }
            return found
        }
    }

    @Test func matchesAreFoundWhereTheyStand() throws {
        #expect(matches(try SplitPattern("é+"), "xééy é") == [1..<5, 7..<9])
        #expect(matches(try SplitPattern(#"\p{N}{1,3}"#), "1234x5") == [0..<3, 3..<4, 5..<6])
        // The end of the text is the end of what look-ahead sees.
        #expect(matches(try SplitPattern(#"\s+(?!\S)"#), "a  b  ") == [1..<2, 4..<6])
        #expect(matches(try SplitPattern("(?i:'s)"), "it'S") == [2..<4])
        #expect(matches(try SplitPattern("a*+a"), "aaa").isEmpty)
        #expect(matches(try SplitPattern("x"), "").isEmpty)
    }

    @Test func literalsMatchThemselves() throws {
        for text in ["a.b", "(x)|[y]{2}^$*+?\\", "'\"<>`#&-~", "é你", " \n\t"] {
            let pattern = try SplitPattern(literal: text)
            let length = text.utf8.count
            #expect(
                matches(pattern, "_" + text + text) == [1..<(1 + length), (1 + length)..<(1 + 2 * length)])
        }
    }

    @Test func badPatternsAreRefusedWithAReason() {
        for pattern in ["(", "[a", "*", "a{2,1}x(", #"\p{Nonsense}"#, "(?<n>a)(?<n"] {
            let error = #expect(throws: SplitPattern.SyntaxError.self) { try SplitPattern(pattern) }
            #expect(error?.reason.isEmpty == false)
        }
    }

    /// A match that stays within the limit at each of a text's places takes as many times as long as the text has places.
    @Test func theStepsOfATextAreBounded() throws {
        let pattern = try SplitPattern("(?:a|a){21}b|a")
        let region = MatchRegion()
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 400)
        var found = 0
        text.withUnsafeBufferPointer { bytes in
            while let match = pattern.firstMatch(in: bytes, from: found, region) { found = match.upperBound }
        }
        #expect(region.hasFailed && (1..<200).contains(found), "\(found)")
        // The next text begins anew.
        #expect(region.takeFailure() != nil)
        text.withUnsafeBufferPointer { #expect(pattern.firstMatch(in: $0, from: 0, region) == 0..<1) }
    }

    @Test func manyStepsAreNoReasonToStop() throws {
        // Oniguruma's default limit of ten million steps would end this search without a match.
        let pattern = try SplitPattern("(a|b|ab)*c")
        #expect(matches(pattern, String(repeating: "ab", count: 11) + "d").isEmpty)
        #expect(matches(pattern, String(repeating: "ab", count: 2000) + "c") == [0..<4001])
    }
}
