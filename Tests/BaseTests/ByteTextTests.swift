import Base
import SystemPackage
import TestSupport
import Testing

/// What follows a separator in the same grapheme cluster, or joins it from the front, hides it from `Character`.
private let marks: [String] = {
    let scalars = (UInt32(0x300)...0x36F).compactMap(Unicode.Scalar.init)
    let joiners = ["\u{200D}", "\u{FE0F}", "\u{E0100}", "\u{1F3FB}", "\u{0600}", "\u{110BD}", "\u{20DD}"]
    return scalars.map { String($0) } + joiners
}()

@Suite struct ByteTextTests {
    @Test(arguments: ["/", "'", ".", ":", "@", "<", "\n", "\""])
    func separatorsAreFoundBesideEveryMark(separator: String) {
        for mark in marks {
            for text in ["a\(separator)\(mark)b", "a\(mark)\(separator)b", "\(mark)\(separator)\(mark)"] {
                let parts = text.byteText.split(separator.byteText, keepingEmpty: true)
                #expect(parts.count == 2, "\(text.unicodeScalars.map(\.value))")
                #expect(parts.map(\.text.utf8).joined(separator: separator.utf8).elementsEqual(text.utf8))
                #expect(text.byteText.contains(separator.byteText))
                #expect(text.byteText.cut(at: separator.byteText)?.before == parts.first)
                #expect(text.byteText.cut(atLast: separator.byteText)?.after == parts.last)
                #expect(!text.byteText.replacing(separator.byteText, with: "").contains(separator.byteText))
            }
            #expect("\(separator)\(mark)".byteText.hasPrefix(separator.byteText))
            #expect("\(mark)\(separator)".byteText.hasSuffix(separator.byteText))
        }
    }

    @Test func namesOfOtherBytesAreOthers() {
        #expect("é" == "e\u{301}")
        #expect("é".byteText != "e\u{301}".byteText)
        #expect(Set(["é".byteText, "e\u{301}".byteText]).count == 2)
        #expect("\u{212B}".byteText != "\u{C5}".byteText)
        #expect("Z".byteText < "a".byteText)
    }

    @Test func splittingAgreesWithTheStandardLibraryOnPlainText() {
        for text in ["", "/", "//", "a", "/a", "a/", "a//b", "a/b/c/", "///a//b"] {
            for isKept in [true, false] {
                for cuts in [0, 1, 2, .max] {
                    let expected = text.split(
                        separator: "/", maxSplits: cuts, omittingEmptySubsequences: !isKept)
                    let found = text.byteText.split("/", maxSplits: cuts, keepingEmpty: isKept)
                    #expect(found.map(\.text) == expected.map(String.init), "\(text) \(isKept) \(cuts)")
                }
            }
        }
    }

    @Test func affixes() {
        #expect("abc".byteText.dropping(prefix: "ab") == "c")
        #expect("abc".byteText.dropping(prefix: "b") == nil)
        #expect("abc".byteText.dropping(suffix: "bc") == "a")
        #expect("abc".byteText.hasPrefix("") && "abc".byteText.hasSuffix(""))
        #expect(!"".byteText.hasPrefix("a"))
        #expect(!"abc".byteText.contains(""))
        #expect("aXXbXXc".byteText.replacing("XX", with: "X") == "aXbXc")
        #expect("aaa".byteText.cut(atLast: "aa")?.before == "a")
    }
}

@Suite struct VisibleTextTests {
    @Test func everyControlIsShown() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isControl = value < 0x20 || (0x7F..<0xA0).contains(value)
            let isDirection = (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
            guard isControl || isDirection || value == 0x2028 || value == 0x2029 || value == 0xFEFF else {
                continue
            }
            let shown = "a\(scalar)b".visible
            #expect(!shown.unicodeScalars.contains(scalar), "\(value)")
            #expect(shown.hasPrefix("a\\"))
        }
    }

    @Test func whatPeopleWriteStays() {
        for text in ["é e\u{301}", "日本語", "👩‍👩‍👧", "שלום", "a b", "x' \"y\"", "\\n"] {
            #expect(text.visible == text)
        }
        #expect("a\nb\u{1B}[2K".visible == "a\\nb\\u{1B}[2K")
        #expect("a\nb\rc".visibleLines == "a\nb\\rc")
        // CR LF is one Character, and two bytes.
        #expect("a\r\nb".visibleLines == "a\\r\nb")
    }
}

@Suite struct ShellWordTests {
    /// What a shell makes of a word is what went in.
    @Test func aShellReadsBackWhatWasQuoted() throws {
        var texts = [
            "", "a", "a b", "~", "~root", "=ls", "-n", "$HOME", "`id`", "\\", "\"", "'", "''", "a'b", "*",
            "#", "!x", "\n", "é",
        ]
        for mark in marks { texts += ["'\(mark);touch x;#", "\(mark)'", "a\(mark)' '\(mark)"] }
        let script = texts.map { "printf '%s\\0' \(ShellWord.quoted($0))" }.joined(separator: "\n")
        let scratch = try ScratchFolder()
        let outcome = try Command("/bin/sh", ["-c", script], scratch: scratch.path).wait()
        let read = outcome.output.byteText.split("\0", keepingEmpty: true).dropLast()
        #expect(read.count == texts.count)
        for (text, word) in zip(texts, read) { #expect(word == text.byteText) }
    }

    @Test func plainWordsStayPlain() {
        #expect(ShellWord.quoted("configs/mini/table1.json") == "configs/mini/table1.json")
        #expect(ShellWord.quoted("a b") == "'a b'")
    }
}
