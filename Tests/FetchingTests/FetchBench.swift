import Files
import JSON
import SystemPackage
import TestSupport

@testable import Fetching

/// A scratch folder with a lock file and a cache, and what is told while something is fetched into it.
final class FetchBench: FetchObserver {
    let scratch: ScratchFolder
    var lock: FilePath { scratch.path.appending("data.lock") }
    let cache: FilePath
    var variables: [String: String] = [:]
    var options = FetchBench.quick
    private(set) var log: [String] = []
    private(set) var advanced = 0

    /// Patience for tests.
    static let quick: TransferOptions = {
        var options = TransferOptions()
        (options.attempts, options.firstPause, options.longestPause) = (4, 0.01, 0.05)
        (options.connectMilliseconds, options.slowSeconds, options.longestWait) = (2000, 1, 5)
        return options
    }()

    init(cache: FilePath? = nil) throws {
        scratch = try ScratchFolder()
        self.cache = cache ?? scratch.path.appending("cache")
    }

    func begin(bytes: Int?) {}
    func advance(by bytes: Int, isInherited: Bool) { advanced += bytes }
    func log(_ message: String) { log.append(message) }

    var settings: HubSettings { HubSettings(variables: variables, cache: cache) }

    func fetcher(
        isOffline: Bool = false, from folder: FilePath? = nil, isCancelled: @escaping () -> Bool = { false }
    ) -> Fetcher {
        Fetcher(
            lock: lock, settings: settings, options: options, isOffline: isOffline, from: folder,
            observer: self,
            isCancelled: isCancelled)
    }

    /// Writes a lock file of one input `data` with one file `file.bin`.
    func lockFile(_ urls: [String], _ bytes: [UInt8]?) throws {
        try lockFile([
            "data": [
                "files": [
                    [
                        "path": "file.bin", "urls": .array(urls.map { .string($0) }),
                        "size": bytes.map { .integer($0.count) } ?? .null,
                        "sha256": bytes.map { .string(SHA256.hex(of: $0)) } ?? .null,
                    ]
                ]
            ]
        ])
    }

    func lockFile(_ inputs: JSONValue) throws {
        let value: JSONValue = ["format": 1, "inputs": inputs]
        try FileSystem.writeAtomically(value.prettyBytes(), to: lock)
    }

    /// Fetches `data` and gives its bytes.
    func bytes() throws -> [UInt8] { try FileSystem.read(fetcher().fetch(["data"])[0].files[0].location) }

    /// What went wrong when `data` was fetched.
    func failure(isOffline: Bool = false, from folder: FilePath? = nil) -> FetchError? {
        do {
            _ = try fetcher(isOffline: isOffline, from: folder).fetch(["data"])
            return nil
        } catch {
            return error as? FetchError
        }
    }

    /// Files of the cache that count: neither parts nor locks.
    func cached() throws -> [String] {
        guard FileSystem.exists(cache) else { return [] }
        return try ScratchFolder.files(below: cache).filter {
            !$0.contains(".parts/") && !$0.contains(".locks/") && !$0.contains(".incomplete")
        }
    }

    /// Bytes that are the same each time.
    static func content(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
        var state = UInt32(seed)
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }
}
