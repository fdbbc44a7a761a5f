import Base
import JSON
import Testing

/// JSON on a terminal: the same value, and nothing that the terminal would act on.
@Suite struct PrintingTests {
    @Test func everyInvisibleCharacterIsAnEscape() throws {
        let scalars = (UInt32(0)...0x10FFFF).compactMap(Unicode.Scalar.init).filter(\.isInvisible)
        for start in stride(from: 0, to: min(scalars.count, 8000), by: 500) {
            let text = String(String.UnicodeScalarView(scalars[start..<min(start + 500, scalars.count)]))
            let value: JSONValue = [text: [.string(text), "a\"b\\"]]
            for isCompact in [true, false] {
                let printed = try value.printedText(isCompact: isCompact)
                let isSafe = printed.unicodeScalars.allSatisfy { !$0.isInvisible || $0 == "\n" }
                #expect(isSafe)
                let read = JSONValue(try JSONDocument(parsing: Array(printed.utf8), name: "x").root)
                #expect(try read.compactBytes() == value.compactBytes())
            }
        }
    }

    @Test func plainTextIsAsItIsInFiles() throws {
        let value: JSONValue = ["a": ["é 日本語 👩‍👩‍👧", 1, true], "b": .null]
        #expect(try Array(value.printedText().utf8) == value.prettyBytes())
        #expect(try Array(value.printedText(isCompact: true).utf8) == value.compactBytes() + [10])
    }
}
