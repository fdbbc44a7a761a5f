internal import Base
internal import Files
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The state of one download, from one attempt to the next.
final class Download {
    enum Phase {
        /// Another process, or another download of this one, holds the lock.
        case locked
        /// The next attempt begins then.
        case pausing(until: ContinuousClock.Instant)
        case running(CurlTransfer)
        case ended(Result<DownloadedFile, any Error>)
    }

    /// What is done with the body of the response.
    private enum Body { case stored, ignored }

    let request: DownloadRequest
    let options: TransferOptions
    let observer: any FetchObserver
    var phase = Phase.locked

    private var lock: FileLock?
    var part: PartFile?
    private var hasToldOfWaiting = false

    /// The source that is being asked, and what became of those before.
    var sourceIndex = 0
    var failures: [String] = []
    /// Whether servers refused access rather than failed.
    var wasRefused = false
    /// Whether a server gave something else than what is pinned.
    var hasWrongContent = false
    /// Attempts in a row without anything new, and contents that were wrong, at this source.
    var fruitless = 0
    var wrongContents = 0
    /// Where the attempt stands after redirects.
    var url = ""
    var redirects = 0
    /// The bytes that the part had when the attempt began.
    private var countBefore = 0
    private var rangeStart = 0
    private var note: PartNote?
    private var body = Body.ignored
    private var ignored = 0
    /// The size of the whole that the response named.
    var announced: Int?

    init(_ request: DownloadRequest, _ options: TransferOptions, _ observer: any FetchObserver) {
        (self.request, self.options, self.observer) = (request, options, observer)
    }

    var source: DownloadRequest.Source { request.sources[sourceIndex] }

    /// Why a response is of no use although the connection is.
    enum Refusal: Error {
        case wrongSize(Int)
        case tooLong(Int)
        /// The rest isn't of the same file as what is there.
        case otherContent
        case encoded
    }
}

extension Download {
    /// Takes the lock, and what an earlier process left; false while another holds it.
    func open() throws -> Bool {
        guard let lock = try FileLock.attempt(request.lock) else {
            if !hasToldOfWaiting {
                observer.log("\(request.name): it is being downloaded already; waiting for it")
            }
            hasToldOfWaiting = true
            return false
        }
        self.lock = lock
        if let place = request.knownPlace, let file = try present(at: place) {
            end(.success(file))
            return true
        }
        let part = try PartFile(request.part)
        self.part = part
        if request.sha256 != nil {
            try part.takeOver()
            note = PartNote(ofPart: request.part)
            observer.advance(by: part.count, isInherited: true)
        } else {
            // Without a hash nothing tells whether an earlier process, or a crash of the machine, left the right bytes.
            try startOver()
        }
        phase = .pausing(until: .now)
        return true
    }

    /// The file in its place, if it is what it should be.
    private func present(at place: FilePath) throws -> DownloadedFile? {
        guard let status = try FileSystem.status(place), status.kind == .file, let sha256 = request.sha256
        else {
            return nil
        }
        let found = try SHA256.hex(ofFile: place)
        guard found == sha256 else {
            observer.log(
                "\(request.name): the copy in the cache is damaged (SHA-256 \(found)); it is replaced")
            return nil
        }
        return DownloadedFile(path: place, size: status.size, sha256: sha256, wasThere: true)
    }

    /// Begins a request: the first of an attempt, or where a redirect leads.
    ///
    /// - Returns: Nil when there is nothing to ask for: the download has ended.
    func begin() throws -> CurlTransfer? {
        guard let part else { return nil }
        if url.isEmpty {
            if let size = request.size {
                if part.count > size { try startOver() }
                if part.count == size, size > 0 {
                    try complete()
                    // A whole part that was wrong has been emptied, and the next attempt is due.
                    return nil
                }
            }
            (url, redirects) = (source.url, 0)
            countBefore = part.count
        }
        (body, ignored, announced) = (.ignored, 0, nil)
        return try CurlTransfer(url, fields: fields(part), options: options, receiver: self)
    }

    private func fields(_ part: PartFile) -> [String] {
        var fields = ["User-Agent: \(CurlLibrary.agent)", "Accept-Encoding: identity", "Accept: */*"]
        if let token = source.token, let address = PublicAddress(url),
            address.isSameOrigin(as: source.address)
        {
            fields.append("Authorization: Bearer \(token.revealed)")
        }
        rangeStart = part.count
        if part.count > 0 {
            fields.append("Range: bytes=\(part.count)-")
            if let note, note.isOf(source.address) { fields.append("If-Range: \(note.validator)") }
        }
        return fields
    }

    func startOver() throws {
        guard let part else { return }
        observer.advance(by: -part.count, isInherited: true)
        note = nil
        try PartNote.remove(ofPart: request.part)
        try part.startOver()
    }

    /// Whether the attempt brought anything.
    var hasGrown: Bool { (part?.count ?? 0) > countBefore }

    /// Ends it, and lets the lock go.
    func end(_ result: Result<DownloadedFile, any Error>) {
        phase = .ended(result)
        part = nil
        lock = nil
    }
}

extension Download: BodyReceiver {
    func begin(_ head: ResponseHead) throws {
        guard head.status == 200 || head.status == 206, let part else { return }
        if let encoding = head["content-encoding"]?.byteText.asciiLowercased, encoding != "identity" {
            throw Refusal.encoded
        }
        if head.status == 206 {
            guard rangeStart > 0, let range = head.contentRange, range.start == rangeStart else {
                throw Refusal.otherContent
            }
            if let note, note.isOf(source.address), let tag = head.strongTag,
                note.validator.byteText.hasPrefix("\""),
                tag != note.validator
            {
                throw Refusal.otherContent
            }
            announced = range.total
        } else {
            // The server has another file now, or doesn't give parts.
            if part.count > 0 { try startOver() }
            announced = head.contentLength
            note = PartNote(head, source: source.address)
            try note?.write(forPart: request.part)
        }
        if let size = request.size, let announced, announced != size { throw Refusal.wrongSize(announced) }
        if let announced {
            guard announced <= request.limit else { throw Refusal.tooLong(request.limit) }
            try DiskSpace.check(
                request.part.removingLastComponent(), for: request.name, needs: announced - part.count)
        }
        body = .stored
    }

    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        guard body == .stored, let part else {
            ignored += bytes.count
            // The text of an error; nobody reads a long one.
            if ignored > 64 << 10 { throw Enough() }
            return
        }
        let limit = request.size ?? request.limit
        guard bytes.count <= limit - part.count else { throw Refusal.tooLong(limit) }
        try part.append(bytes)
        observer.advance(by: bytes.count, isInherited: false)
    }

    /// The response has been read as far as it matters.
    struct Enough: Error {}

    /// Whether the body was kept.
    var hasStored: Bool { body == .stored }
}

/// A file that is being downloaded, hashed as it grows.
///
/// Whoever holds one holds the lock of its download too.
final class PartFile {
    let path: FilePath
    private let file: FileDescriptor
    /// Bytes that are on the disk and in the hash.
    private(set) var count = 0
    private var hash: SHA256? = SHA256()

    /// Opens a part, making it if it isn't there; what it holds counts only after ``takeOver()``.
    init(_ path: FilePath) throws(FileError) {
        self.path = path
        try FileSystem.createDirectory(path.removingLastComponent())
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: 0o644))
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }

    deinit { try? file.close() }

    /// Takes what an earlier process left: all of it is hashed again.
    func takeOver() throws(FileError) {
        do {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let read = try buffer.withUnsafeMutableBytes { bytes in
                    try file.read(fromAbsoluteOffset: Int64(count), into: bytes)
                }
                if read == 0 { break }
                buffer.withUnsafeBytes { hash?.update(UnsafeRawBufferPointer(rebasing: $0[..<read])) }
                count += read
            }
        } catch {
            throw FileError("read", path, error as? Errno ?? .ioError)
        }
    }

    /// Forgets everything.
    func startOver() throws(FileError) {
        guard ftruncate(file.rawValue, 0) == 0 else { throw FileError("write", path, Errno(rawValue: errno)) }
        count = 0
        hash = SHA256()
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        do {
            try file.writeAll(toAbsoluteOffset: Int64(count), bytes)
        } catch {
            // What part of it has been written isn't known; it isn't counted and is written over.
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
        hash?.update(bytes)
        count += bytes.count
    }

    /// Flushes the whole file and gives its SHA-256; nothing may be appended after that but through ``startOver()``.
    func finish() throws(FileError) -> String {
        // A write that failed in the middle may have left more than was counted.
        guard ftruncate(file.rawValue, count) == 0, fsync(file.rawValue) == 0 else {
            throw FileError("write", path, Errno(rawValue: errno))
        }
        guard let hash = hash.take() else { return "" }
        return SHA256.hex(hash.finalize())
    }
}

/// One file to download: from where, to where, and what it should be.
struct DownloadRequest {
    /// A server that has it.
    struct Source {
        let url: String
        let address: PublicAddress
        /// Sent to that server only, never where it redirects to.
        let token: Secret?
    }

    /// For messages: `gsm8k/train.jsonl`.
    let name: String
    /// In the order in which they are tried.
    let sources: [Source]
    /// In bytes, if it is known.
    let size: Int?
    /// In hexadecimal, if it is known.
    let sha256: String?
    /// The most bytes that are taken where the size isn't known.
    var limit = 1 << 40
    /// Where it grows; on the disk of its place.
    let part: FilePath
    let lock: FilePath
    /// The place, by its SHA-256.
    let place: (String) -> FilePath
    /// Looks at the finished part once more; a reason, as the end of a sentence, refuses it.
    var check: (FilePath) throws -> String? = { _ in nil }

    /// The place, where it is known before.
    var knownPlace: FilePath? { sha256.map(place) }
}

/// A file that is in its place now.
struct DownloadedFile {
    let path: FilePath
    let size: Int
    let sha256: String
    /// Whether it was there already.
    let wasThere: Bool
}

/// How patient downloads are; none of it decides what is downloaded.
package struct TransferOptions: Sendable {
    /// Downloads at once.
    package var parallel = 4
    /// Until a connection stands, in milliseconds.
    package var connectMilliseconds = 30_000
    /// Bytes per second below which a connection counts as stalled.
    package var lowestSpeed = 1000
    /// For how long, in seconds.
    package var slowSeconds = 30
    /// Attempts in a row that bring nothing new, per address.
    package var attempts = 6
    /// The first pause between attempts, in seconds; each is twice the one before, with up to a half taken off at
    /// random.
    package var firstPause = 1.0
    /// The longest of these pauses, in seconds.
    package var longestPause = 60.0
    /// The longest wait that a server may ask for, in seconds; a longer one is an error that names it.
    package var longestWait = 600
    /// Redirects per attempt.
    package var redirects = 10
    /// Downloads of wrong content per address: one more than the part that was on the disk already.
    package var wrongContents = 2
    /// A file of certificates of authorities instead of the system's.
    package var certificates: String?

    /// The usual ones.
    package init() {}

    /// The pause before attempt `number` (from 1), in seconds.
    func pause(before number: Int, random: Double = .random(in: 0...1)) -> Double {
        var pause = firstPause
        for _ in 1..<max(1, min(number, 32)) { pause = min(pause * 2, longestPause) }
        return min(pause, longestPause) * (1 - random / 2)
    }
}
