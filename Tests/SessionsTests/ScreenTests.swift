import Decoding
import Testing

@testable import Sessions

@Suite struct ScreenTests {
    @Test(arguments: [
        ("a", 1), ("é", 1), ("e\u{301}", 1), ("漢", 2), ("한", 2), ("👩‍👩‍👧", 2), ("❤️", 2), ("Ａ", 2),
        ("\u{200B}", 0),
    ])
    func charactersTakeTheirColumns(text: Character, width: Int) {
        #expect(DisplayWidth.of(text) == width)
    }

    @Test func textIsCutAtColumnsNotCharacters() {
        #expect(DisplayWidth.fitted("漢字漢字", 6) == "漢字…")
        #expect(DisplayWidth.fitted("abc", 3) == "abc")
    }

    @Test func nothingOfAModelReachesTheTerminalAsACommand() {
        let text = "a\u{1B}[2J\u{7}\u{9B}b\u{202E}c\n"
        #expect(Printable.line(text, isUnicode: true) == "a␛[2J␇\u{FFFD}b\u{FFFD}c ")
        #expect(PlainText(isUnicode: false).answer(text) == "a?[2J??b?c\n")
    }

    /// Whatever was there before, the screen shows what a fresh one would, and no line of the old picture is left.
    @Test func redrawingGivesThePictureThatDrawingGives() throws {
        let model = try LiveFixture.model()
        let events = try LiveFixture.events(model, LiveFixture.setting(model))
        for columns in [24, 40, 80] {
            for style in [
                TerminalStyle(isColored: true, isUnicode: true), .init(isColored: false, isUnicode: false),
            ] {
                var screen = TerminalScreen(columns: columns)
                screen.write("$ before\r\n")
                var area = ScreenArea()
                var response = ResponseCells()
                for event in events {
                    response.take(event)
                    let lines = DecodingScreen(style: style).lines(response, columns: columns, rows: 14)
                    #expect(lines.count <= 13 && lines.allSatisfy { $0.width < columns })
                    screen.write(area.show(lines, columns: columns))
                    var fresh = TerminalScreen(columns: columns)
                    fresh.write("$ before\r\n")
                    var freshArea = ScreenArea()
                    fresh.write(freshArea.show(lines, columns: columns))
                    #expect(screen.text == fresh.text)
                }
                if !style.isColored {
                    let text = screen.text.joined()
                    #expect(text.allSatisfy { $0.isASCII })
                }
            }
        }
    }

    @Test func withoutColoursThereIsNoRendition() throws {
        let model = try LiveFixture.model()
        var response = ResponseCells()
        for event in try LiveFixture.events(model, LiveFixture.setting(model)) {
            response.take(event)
            let style = TerminalStyle(isColored: false, isUnicode: true)
            let lines = DecodingScreen(style: style).lines(response, columns: 60, rows: 24)
            #expect(lines.allSatisfy { !$0.text.contains("\u{1B}") && DisplayWidth.of($0.text) == $0.width })
        }
    }

    /// Half a character of one token is completed by the next, and belongs to it.
    @Test func charactersOverSeveralTokensAreDrawnWhole() {
        let bytes = Array("漢".utf8)
        func token(_ position: Int, _ bytes: [UInt8]) -> DecodingEvent.Token {
            .init(position: position, token: 1, bytes: bytes, isEnd: false, entropy: 0, probability: 1)
        }
        func lines(_ tokens: [DecodingEvent.Token]) -> [String] {
            var response = ResponseCells()
            response.take(
                .step(
                    .init(
                        index: 0, kind: .full, inputs: 0..<1, tokens: tokens, length: 3, blocks: [],
                        counters: .init(tokens: 0, evaluations: 1, forwards: 1, seconds: 0))))
            let style = TerminalStyle(isColored: false, isUnicode: true)
            return ResponseLayout(style: style, width: 20).lines(response).lines.map(\.text)
        }
        let parts = [token(0, Array(bytes[..<1])), token(1, Array(bytes[1...])), token(2, Array("a".utf8))]
        #expect(lines(parts) == ["漢a"])
        #expect(lines([parts[0], parts[2]]) == ["\u{FFFD}··a"])
    }

    @Test func commandsOfAChatAreTold() {
        #expect(ChatLine("/method d2f a=1 b=2") == .method("d2f", settings: ["a=1", "b=2"]))
        #expect(
            ChatLine("  ") == .nothing && ChatLine("/quit") == .quit && ChatLine("/rest") == .unknown("/rest")
        )
        #expect(ChatLine("//etc") == .question("/etc") && ChatLine("a /quit") == .question("a /quit"))
    }
}
