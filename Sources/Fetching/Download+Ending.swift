internal import Files
internal import JSON
internal import SystemPackage

/// What follows from the end of a request: the next one, a pause, another source, or the end.
extension Download {
    /// - Throws: Errors of this machine (a full disk): no other server helps against them.
    func requestEnded(_ transfer: CurlTransfer, _ error: CurlError?) throws {
        let head = transfer.head
        switch transfer.failure {
        case nil, is Enough: break
        case let refusal as Refusal: return try refused(refusal)
        case is CurlTransfer.HeaderTooLong: return try giveUpSource("its header is longer than 64 KiB")
        case let failure?: throw failure
        }
        if let error, !(error.isOwnAbort && transfer.failure is Enough) { return try failed(error) }
        switch head.status {
        case 200,
            206 where hasStored:
            try bodyEnded()
        case 301, 302, 303, 307, 308: try redirect(to: transfer.redirectTarget)
        case 408, 425, 429, 500, 502, 503, 504, 506...599: try busy(head, after: transfer.retryAfter)
        case 416 where (part?.count ?? 0) > 0: try startAgain("the server has less than what is there")
        case 401, 403:
            wasRefused = true
            try giveUpSource(head.statusText)
        default: try giveUpSource(head.statusText)
        }
    }

    private func refused(_ refusal: Refusal) throws {
        switch refusal {
        case .otherContent: try startAgain("the file on the server has changed")
        case .wrongSize(let size):
            try wrongContent("it would have \(size) bytes instead of \(request.size ?? 0)")
        case .tooLong(let limit): try wrongContent("it has more than \(limit) bytes")
        case .encoded: try giveUpSource("it sends the file in an encoding that wasn't asked for")
        }
    }

    private func failed(_ error: CurlError) throws {
        var reason = error.reason
        if error.isTimeout { reason += ": no connection, or slower than \(options.lowestSpeed) bytes/s" }
        if error.isCertificate {
            reason +=
                ". A proxy that opens connections has a certificate of its own: name its authority in SSL_CERT_FILE"
        }
        guard error.isPassing else { return try giveUpSource(reason) }
        try tryAgain(reason)
    }

    private func busy(_ head: ResponseHead, after seconds: Int?) throws {
        let reason = head.statusText
        if let seconds, seconds > options.longestWait {
            return try giveUpSource("\(reason), to be asked again in \(seconds) s")
        }
        try tryAgain(reason, atLeast: Double(seconds ?? 0))
    }

    private func bodyEnded() throws {
        guard let part else { return }
        guard let size = request.size ?? announced, part.count < size else { return try complete() }
        try tryAgain("the connection ended \(size - part.count) bytes too early")
    }

    /// Puts a part that has all its bytes in its place, if they are the right ones.
    func complete() throws {
        guard let part else { return }
        let (size, hash) = (part.count, try part.finish())
        if let expected = request.sha256, hash != expected {
            return try wrongContent("it has the SHA-256 \(hash) instead of \(expected)")
        }
        if let reason = try request.check(request.part) { return try wrongContent(reason) }
        let place = request.place(hash)
        try FileSystem.createDirectory(place.removingLastComponent())
        try FileSystem.rename(request.part, to: place)
        try FileSystem.synchronize(place.removingLastComponent())
        try PartNote.remove(ofPart: request.part)
        end(.success(DownloadedFile(path: place, size: size, sha256: hash, wasThere: false)))
    }

    private func wrongContent(_ reason: String) throws {
        try startOver()
        wrongContents += 1
        guard wrongContents < options.wrongContents else {
            hasWrongContent = true
            return try giveUpSource(reason)
        }
        observer.log("\(request.name): \(reason); downloading it once more from the beginning")
        url = ""
        phase = .pausing(until: .now)
    }

    private func redirect(to target: String?) throws {
        redirects += 1
        guard redirects <= options.redirects else {
            return try giveUpSource("it redirects more than \(options.redirects) times")
        }
        guard let target, let next = PublicAddress(target), let here = PublicAddress(url) else {
            return try giveUpSource("it redirects to something that is no http address")
        }
        guard !next.hasUser else {
            return try giveUpSource("it redirects to an address with a user's name (\(next.host))")
        }
        // Not even to this machine: whoever holds the certificate doesn't answer for what listens here.
        guard here.scheme != "https" || next.scheme == "https", next.isPrivate || !here.isPrivate else {
            return try giveUpSource(
                "it redirects from https to http (\(next.host)), which anybody could change")
        }
        url = target
        phase = .pausing(until: .now)
    }

    /// The same request from the beginning of the file.
    private func startAgain(_ reason: String) throws {
        try startOver()
        try tryAgain(reason)
    }

    private func tryAgain(_ reason: String, atLeast seconds: Double = 0) throws {
        fruitless = hasGrown ? 1 : fruitless + 1
        guard fruitless < options.attempts else {
            return try giveUpSource("\(reason) (\(options.attempts) attempts in a row)")
        }
        let pause = max(seconds, options.pause(before: fruitless))
        observer.log(
            "\(request.name): \(reason); trying again in \(Int(pause.rounded(.up))) s (\(fruitless + 1) of \(options.attempts))"
        )
        url = ""
        phase = .pausing(until: .now + .seconds(pause))
    }

    /// Goes on to the next source, if there is one.
    private func giveUpSource(_ reason: String) throws {
        let host = PublicAddress(url).flatMap { $0.isSameOrigin(as: source.address) ? nil : $0.host }
        failures.append("\(source.address)\(host.map { " (redirected to \($0))" } ?? ""): \(reason).")
        (url, fruitless, wrongContents) = ("", 0, 0)
        sourceIndex += 1
        guard sourceIndex < request.sources.count else { return end(.failure(failure)) }
        // What another server has is the same only if its hash says so in the end.
        if request.sha256 == nil { try startOver() }
        phase = .pausing(until: .now)
    }

    private var failure: FetchError {
        let code: FetchError.Code = hasWrongContent ? .wrongContent : wasRefused ? .notAllowed : .unavailable
        let cure =
            hasWrongContent
            ? " If its makers have changed it on purpose, check who and why, then change its hash in the lock file."
            : ""
        return FetchError(
            code, "\(request.name) couldn't be downloaded: \(failures.joined(separator: " "))\(cure)")
    }
}

/// What a part came from, so that the rest can be asked for: `<part>.json` beside it.
struct PartNote: Hashable {
    /// SHA-256 of the address without its secrets.
    let source: String
    /// A strong entity tag or a date of change: what `If-Range` takes.
    let validator: String

    /// - Parameter source: The address that a redirect may have led away from.
    init?(_ head: ResponseHead, source: PublicAddress) {
        guard let validator = head.strongTag ?? Self.date(head) else { return nil }
        self.source = Self.key(source)
        self.validator = validator
    }

    /// The note of a part; nil where there is none, or one that can't be believed.
    init?(ofPart path: FilePath) {
        guard let bytes = try? FileSystem.read(Self.path(ofPart: path)), bytes.count < 10_000,
            let root = try? JSONDocument(parsing: bytes, name: "note").root,
            let source = root["source"]?.string, let validator = root["validator"]?.string,
            // It becomes a header field.
            validator.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        (self.source, self.validator) = (source, validator)
    }

    func write(forPart path: FilePath) throws {
        let value: JSONValue = ["source": .string(source), "validator": .string(validator)]
        try FileSystem.writeAtomically(value.prettyBytes(), to: Self.path(ofPart: path))
    }

    static func remove(ofPart path: FilePath) throws(FileError) {
        try FileSystem.remove(Self.path(ofPart: path))
    }

    func isOf(_ address: PublicAddress) -> Bool { source == Self.key(address) }

    private static func path(ofPart path: FilePath) -> FilePath { FilePath(path.string + ".json") }

    private static func key(_ address: PublicAddress) -> String {
        SHA256.hex(of: Array(address.description.utf8))
    }

    /// A server that gives a tag, even a weak one, shouldn't be asked by date.
    private static func date(_ head: ResponseHead) -> String? {
        head["etag"] == nil ? head["last-modified"] : nil
    }
}
