import Base
import TestSupport
import Testing

@testable import Notebooks

/// Text of runs in notebooks: it stays text.
@Suite struct ForeignTextTests {
    /// What a reader of CommonMark takes for the text of a code span that begins the line; nil if it ends elsewhere.
    private func content(ofSpan markdown: String) -> String? {
        let bytes = Array(markdown.utf8)
        let tick = UInt8(ascii: "`")
        let fence = bytes.prefix { $0 == tick }.count
        var index = fence
        while index < bytes.count {
            let run = bytes[index...].prefix { $0 == tick }.count
            if run == fence {
                guard index + run == bytes.count else { return nil }
                var inner = bytes[fence..<index]
                let space = UInt8(ascii: " ")
                if inner.count > 1, inner.first == space, inner.last == space,
                    inner.contains(where: { $0 != space })
                {
                    inner = inner.dropFirst().dropLast()
                }
                return String(decoding: inner, as: UTF8.self)
            }
            index += max(1, run)
        }
        return nil
    }

    @Test func codeSpansHoldBackticksAndMarks() {
        var generator = SplitMix(seed: 3)
        let pieces = ["`", "``", "a", "-", "\u{301}", "\u{600}", "b`\u{301}"]
        for _ in 0..<5000 {
            let count = 1 + Int(generator.next() % 6)
            let text = (0..<count).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined()
            let shown = text.visible
            #expect(content(ofSpan: Markdown.code(text))?.byteText == shown.byteText, "\(shown)")
        }
        #expect(Markdown.code("student-0123") == "`student-0123`")
    }

    @Test func nothingInATextIsMarkup() {
        for mark in HiddenMarks.all {
            for sign in "\\|*_`<[]".unicodeScalars.map({ String($0) }) {
                for text in HiddenMarks.beside(sign, mark) {
                    let escaped = Markdown.text(text).byteText
                    #expect(escaped.contains("\\\(sign)"), "\(mark.value)")
                }
            }
        }
        #expect(Markdown.text("a\u{1B}[2K\nb") == "a\\\\u{1B}\\[2K\\\\nb")
    }

    @Test func markersAreReadByScalars() throws {
        for mark in HiddenMarks.few {
            #expect(throws: NotebookProblem.self) { try Directive("d3llm: value a.csv[x\(mark)") }
            // A bracket closes whatever mark stands beside it; what is behind it isn't expected there.
            #expect(throws: NotebookProblem.self) { try Directive("d3llm: figure \"a\" b\"\(mark)\"") }
        }
    }
}
