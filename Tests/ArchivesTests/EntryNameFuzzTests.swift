import TestSupport
import Testing

@testable import Archives

/// Names of entries that somebody made up: refused with a reason, or taken apart.
struct EntryNameFuzzTests {
    @Test func everyNameIsTakenApartOrRefused() {
        let seeds = ["a/b/c.txt", "./x/../y", "é/e\u{301}/你.bin", "C:/x", "folder/"].map { Array($0.utf8) }
        var mutations = Mutations(
            [
                "/", "..", ".", "../", "\\", "\u{0}", "\u{7F}", "\u{301}", "\u{600}", "/\u{301}", "c:", " ",
                "\u{202E}",
            ].map {
                Array($0.utf8)
            } + [[0xFF], [0xC0, 0xAE], [UInt8](repeating: 0x61, count: 300)])
        let count = Int(Command.number("D3LLM_FUZZ") ?? 30_000)
        var taken = 0
        for round in 0..<count {
            let name = round == 0 ? [] : mutations.mutated(seeds[mutations.next(seeds.count)])
            do throws(EntryPath.Refusal) {
                let parts = try EntryPath.parts(name, Unpacker.Limits())
                taken += 1
                #expect(
                    !parts.contains {
                        $0.utf8.isEmpty || $0.utf8.contains(0) || $0.utf8.elementsEqual("..".utf8)
                    })
            } catch {
                #expect(!error.reason.isEmpty)
                _ = EntryPath.shown(name)
            }
        }
        #expect(taken > count / 20 && taken < count)
    }
}
