import Files
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

/// Lock files that somebody damaged or made up: refused with a place, or read.
struct LockFuzzTests {
    @Test func everyLockFileIsReadOrRefused() throws {
        let path = Fixtures.path("../../data.lock")
        let whole = try FileSystem.read(path)
        // Its first inputs are enough: what is wrong in a long one takes longer to find.
        var mutations = Mutations(
            [
                "null", "[]", "{}", "\"\"", "-1", "0", "1e3", "9223372036854775807", "-9223372036854775808",
                "1e999", "\"../x\"",
                "\"a/\u{301}../b\"", "\"https://\"", "\"http://a:b@c/\"", "\"file:///etc/passwd\"",
                "\"sha256\"", ",", "\"size\"",
                "\"0000000000000000000000000000000000000000\"", "\u{301}", "{\"path\": \"x\"}",
            ].map { Array($0.utf8) })
        let count = Int(Command.number("D3LLM_FUZZ") ?? 500)
        var read = 0
        for round in 0..<count {
            let bytes = round % 2 == 0 ? mutations.replacingValue(of: whole) : mutations.mutated(whole)
            do throws(FetchError) {
                let lock = try DataLock(parsing: bytes, path: "data.lock")
                read += 1
                #expect(lock.inputs.allSatisfy { !$0.name.isEmpty })
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(read > 0 && read < count)
    }
}
