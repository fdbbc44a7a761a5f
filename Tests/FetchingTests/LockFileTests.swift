import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

@Suite struct LockFileTests {
    static let path = Fixtures.path("").removingLastComponent().removingLastComponent().appending("data.lock")

    @Test func theProjectsOwnLockFileIsReadAndInTheFormThatIsWritten() throws {
        let bytes = try FileSystem.read(Self.path)
        let lock = try DataLock(parsing: bytes, path: Self.path)
        #expect(try lock.value.prettyBytes() == bytes)
        #expect(
            lock.inputs.filter(\.isPinned).map(\.name) == ["gsm8k", "humaneval", "smollm2-135m-instruct-q4"])
        #expect(try lock.input("gsm8k").size == 4_915_944)
        #expect(throws: FetchError.self) { try lock.input("gsm9k") }
    }

    @Test(arguments: [
        (#"{"format": 2, "inputs": {}}"#, "1:12"), (#"{"inputs": {}}"#, "1:1"),
        (#"{"format": 1, "inputs": {"A": {}}}"#, "1:31"),
        (#"{"format": 1, "inputs": {"a": {}}}"#, "needs \"files\""),
        (#"{"format": 1, "inputs": {"a": {"file": []}}}"#, "no key \"file\""),
        (
            #"{"format": 1, "inputs": {"a": {"files": [{"path": "../x", "urls": ["https://a/b"]}]}}}"#,
            "stays in its folder"
        ),
        (#"{"format": 1, "inputs": {"a": {"files": [{"path": "x", "urls": ["a"]}]}}}"#, "begins with https"),
        (#"{"format": 1, "inputs": {"a": {"files": [{"path": "x", "urls": []}]}}}"#, "needs \"urls\""),
        (
            #"{"format": 1, "inputs": {"a": {"files": [{"path": "x", "urls": ["https://a/b"], "size": 1}]}}}"#,
            "or neither"
        ),
        (
            #"{"format": 1, "inputs": {"a": {"files": [{"path": "x", "urls": ["https://a/b"], "sha256": "AB"}]}}}"#,
            "64 digits"
        ),
        (#"{"format": 1, "inputs": {"a": {"repository": "name", "include": ["*"]}}}"#, "named as in"),
        (#"{"format": 1, "inputs": {"a": {"repository": "../name", "include": ["*"]}}}"#, "named as in"),
        (#"{"format": 1, "inputs": {"a": {"repository": "o/n"}}}"#, "needs \"include\""),
        (
            #"{"format": 1, "inputs": {"a": {"repository": "o/n", "include": ["*"], "type": "space"}}}"#,
            "\"model\" or"
        ),
        (#"{"format": 1, "inputs": [}"#, "1:26"),
    ])
    func whatIsWrongIsToldWithItsPlace(text: String, reason: String) {
        #expect {
            _ = try DataLock(parsing: Array(text.utf8), path: "data.lock")
        } throws: { error in
            let message = "\(error)"
            return (error as? FetchError)?.code == .lockFile && message.hasPrefix("data.lock:1:")
                && message.contains(reason)
        }
    }

    @Test func aPinThatAnotherProcessWroteMeanwhileIsNotOverwritten() throws {
        let bench = try FetchBench()
        try bench.lockFile(["https://a.example/x"], FetchBench.content(10))
        let pin = DataLock.Pin(
            name: "data", commit: nil,
            files: [LockedInput.File(path: "file.bin", size: 3, sha256: SHA256.hex(of: [1, 2, 3]))])
        let before = try FileSystem.read(bench.lock)
        let guardFile = bench.scratch.path.appending("guard")
        #expect {
            _ = try DataLock.write(pin, to: bench.lock, guardFile: guardFile, pause: {})
        } throws: {
            "\($0)".contains(SHA256.hex(of: [1, 2, 3]))
                && "\($0)".contains(SHA256.hex(of: FetchBench.content(10)))
        }
        #expect(try FileSystem.read(bench.lock) == before)
    }

    @Test func retryPausesGrowAndHaveALimit() {
        let options = TransferOptions()
        #expect((1...4).map { options.pause(before: $0, random: 0) } == [1, 2, 4, 8])
        #expect(options.pause(before: 100, random: 0) == 60 && options.pause(before: 1, random: 1) == 0.5)
    }
}
