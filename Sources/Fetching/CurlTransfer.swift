internal import Base
internal import CCurl

/// What takes the body of a response.
protocol BodyReceiver: AnyObject {
    /// The head is complete; called once per response, before its body.
    func begin(_ head: ResponseHead) throws
    /// The next bytes; valid during the call.
    func receive(_ bytes: UnsafeRawBufferPointer) throws
}

/// One request and its response: redirects aren't followed here.
///
/// Used by one thread; `handle` and its callbacks live as long as the value.
final class CurlTransfer {
    let handle: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let receiver: any BodyReceiver
    private(set) var head = ResponseHead()
    private var hasBegun = false
    /// What the receiver threw, or what is wrong with the header.
    private(set) var failure: (any Error)?

    /// A header that is longer than any should be.
    struct HeaderTooLong: Error {}

    /// Prepares a GET.
    ///
    /// - Parameter fields: Header fields as they are sent; they hold no line breaks.
    init(_ url: String, fields: [String], options: TransferOptions, receiver: any BodyReceiver) throws {
        try CurlLibrary.start()
        guard let handle = curl_easy_init() else { throw CurlError(code: CURLE_OUT_OF_MEMORY.rawValue) }
        self.handle = handle
        self.receiver = receiver
        for field in fields { headers = curl_slist_append(headers, field) }
        let context = Unmanaged.passUnretained(self).toOpaque()
        try check(d3llm_curl_set_text(handle, CURLOPT_URL, url))
        try check(d3llm_curl_set_headers(handle, headers))
        try check(d3llm_curl_allow_http_only(handle))
        try check(
            d3llm_curl_set_header_callback(
                handle,
                { bytes, _, count, context in
                    CurlTransfer.of(context).takeHeader(UnsafeRawBufferPointer(start: bytes, count: count))
                }, context))
        try check(
            d3llm_curl_set_body_callback(
                handle,
                { bytes, _, count, context in
                    CurlTransfer.of(context).takeBody(UnsafeRawBufferPointer(start: bytes, count: count))
                }, context))
        let numbers: [(CURLoption, Int)] = [
            // Without signals, as several threads may be at work.
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_SSL_VERIFYPEER, 1),
            (CURLOPT_SSL_VERIFYHOST, 2), (CURLOPT_BUFFERSIZE, 256 << 10),
            (CURLOPT_CONNECTTIMEOUT_MS, options.connectMilliseconds),
            (CURLOPT_LOW_SPEED_LIMIT, options.lowestSpeed), (CURLOPT_LOW_SPEED_TIME, options.slowSeconds),
        ]
        for (option, value) in numbers { try check(d3llm_curl_set_long(handle, option, value)) }
        if let file = options.certificates {
            try check(d3llm_curl_set_text(handle, CURLOPT_CAINFO, file))
        }
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
    }

    private func check(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else { throw CurlError(code: code.rawValue) }
    }

    /// The address that a redirect names, made absolute; nil when there is none.
    var redirectTarget: String? {
        d3llm_curl_get_text(handle, CURLINFO_REDIRECT_URL).map { String(cString: $0) }
    }

    /// How many seconds the server asks to wait; nil when it doesn't.
    var retryAfter: Int? {
        let seconds = Int(d3llm_curl_get_offset(handle, CURLINFO_RETRY_AFTER))
        return head["retry-after"] == nil ? nil : max(0, seconds)
    }

    /// Called when libcurl is done: gives the receiver the head of a response without body.
    func finish() {
        readStatus()
        guard failure == nil, !hasBegun, head.status > 0 else { return }
        hasBegun = true
        do { try receiver.begin(head) } catch { failure = error }
    }

    private func readStatus() { head.status = d3llm_curl_get_long(handle, CURLINFO_RESPONSE_CODE) }

    private static func of(_ context: UnsafeMutableRawPointer?) -> CurlTransfer {
        guard let context else { preconditionFailure("libcurl lost the context of a transfer") }
        return Unmanaged.fromOpaque(context).takeUnretainedValue()
    }

    /// The number of bytes that were taken: any other than `line.count` ends the transfer.
    private func takeHeader(_ line: UnsafeRawBufferPointer) -> Int {
        guard head.take(line) else {
            failure = HeaderTooLong()
            return 0
        }
        return line.count
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        do {
            if !hasBegun {
                hasBegun = true
                readStatus()
                try receiver.begin(head)
            }
            try receiver.receive(bytes)
            return bytes.count
        } catch {
            failure = error
            // Zero would be right for a body without bytes.
            return bytes.count == 0 ? 1 : 0
        }
    }
}

/// The library's own set-up, once per process.
enum CurlLibrary {
    private static let code = curl_global_init(Int(CURL_GLOBAL_DEFAULT)).rawValue

    static func start() throws(CurlError) {
        guard code == CURLE_OK.rawValue else { throw CurlError(code: code) }
    }

    /// What requests say that they come from.
    static let agent = "d3llm libcurl/" + libraryVersion

    private static var libraryVersion: String {
        curl_version_info(CURLVERSION_FIRST)?.pointee.version.map { String(cString: $0) } ?? "?"
    }
}

/// Several transfers at once on one thread.
final class CurlMulti {
    private let handle: UnsafeMutableRawPointer
    private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]

    init() throws {
        try CurlLibrary.start()
        guard let handle = curl_multi_init() else { throw CurlError(code: CURLE_OUT_OF_MEMORY.rawValue) }
        self.handle = handle
    }

    deinit {
        for transfer in transfers.keys { curl_multi_remove_handle(handle, transfer) }
        curl_multi_cleanup(handle)
    }

    /// How many are under way.
    var count: Int { transfers.count }

    /// Begins a transfer.
    func add(_ transfer: CurlTransfer) throws {
        guard curl_multi_add_handle(handle, transfer.handle) == CURLM_OK else {
            throw CurlError(code: CURLE_FAILED_INIT.rawValue)
        }
        transfers[transfer.handle] = transfer
    }

    /// Ends a transfer in the middle.
    func cancel(_ transfer: CurlTransfer) {
        curl_multi_remove_handle(handle, transfer.handle)
        transfers[transfer.handle] = nil
    }

    /// Does what can be done now, and gives the transfers that ended; without an error for those that libcurl has
    /// no complaint about, whatever their status.
    func perform() -> [(transfer: CurlTransfer, error: CurlError?)] {
        var running: CInt = 0
        curl_multi_perform(handle, &running)
        var ended: [(transfer: CurlTransfer, error: CurlError?)] = []
        var code = CURLE_OK
        while let finished = d3llm_curl_finished(handle, &code) {
            curl_multi_remove_handle(handle, finished)
            guard let transfer = transfers.removeValue(forKey: finished) else { continue }
            transfer.finish()
            ended.append((transfer, code == CURLE_OK ? nil : CurlError(code: code.rawValue)))
        }
        return ended
    }

    /// Waits until something can be done, at most so long.
    func wait(milliseconds: Int) {
        curl_multi_poll(handle, nil, 0, CInt(clamping: milliseconds), nil)
    }
}

/// Why libcurl couldn't do a transfer.
struct CurlError: Error, Sendable, Hashable {
    /// The library's number, as `man libcurl-errors` lists it.
    let code: UInt32

    /// The library's words for it; they hold neither addresses nor anything else of the request.
    var reason: String { String(cString: curl_easy_strerror(CURLcode(rawValue: code))) }

    /// Whether the same request may well succeed a moment later.
    ///
    /// A certificate that doesn't hold, an address that can't be read or an answer that isn't HTTP won't be better.
    var isPassing: Bool {
        let passing: [CURLcode] = [
            CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
            CURLE_PARTIAL_FILE,
            CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR,
            CURLE_SSL_CONNECT_ERROR, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_AGAIN,
        ]
        return passing.contains { $0.rawValue == code }
    }

    var isTimeout: Bool { code == CURLE_OPERATION_TIMEDOUT.rawValue }
    var isCertificate: Bool { code == CURLE_PEER_FAILED_VERIFICATION.rawValue }
    /// Whether a callback of ours ended it.
    var isOwnAbort: Bool { code == CURLE_WRITE_ERROR.rawValue }
}

/// The status and the header fields of a response.
struct ResponseHead: Sendable {
    /// 0 before any response came.
    var status = 0
    /// In order; names in lower case.
    private(set) var fields: [(name: String, value: String)] = []
    private var byteCount = 0

    /// More than this isn't a header of any server worth talking to.
    static let limit = 64 << 10

    /// The status for people: "HTTP 404 (not found)".
    var statusText: String {
        let words: [Int: String] = [
            400: "bad request", 401: "a token is needed", 403: "not allowed", 404: "not found",
            408: "timeout",
            410: "gone", 416: "no such range", 429: "too many requests", 451: "withheld for legal reasons",
            500: "the server's own error", 502: "bad gateway", 503: "unavailable", 504: "gateway timeout",
        ]
        return "HTTP \(status)" + (words[status].map { " (\($0))" } ?? "")
    }

    /// The first field of that name (lower case); nil when there is none.
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Takes a line as it came, its end included; false when there have been too many.
    ///
    /// A status line begins a new response: interim ones and those of proxies come before the real one.
    mutating func take(_ line: UnsafeRawBufferPointer) -> Bool {
        byteCount += line.count
        guard byteCount <= Self.limit else { return false }
        let text = String(decoding: line, as: UTF8.self).byteText
        if text.hasPrefix("HTTP/") {
            fields = []
            return true
        }
        guard let (name, value) = text.cut(at: ":") else { return true }
        fields.append((name.asciiLowercased.text, value.trimmed.text))
        return true
    }

    /// The tag of the content if bytes of it may be told by it: weak ones only promise the same meaning.
    var strongTag: String? {
        guard let tag = self["etag"]?.byteText, tag.hasPrefix("\""), tag.hasSuffix("\""), tag.count > 2,
            tag.bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return nil }
        return tag.text
    }

    /// The first byte and the size of the whole that a partial response names: `bytes 100-199/200`, the size perhaps
    /// unknown.
    var contentRange: (start: Int, total: Int?)? {
        guard let range = self["content-range"]?.byteText.dropping(prefix: "bytes "),
            let (bytes, total) = range.cut(at: "/"),
            let start = bytes.cut(at: "-").flatMap({ Int($0.before.text) }),
            start >= 0
        else { return nil }
        return (start, Int(total.text))
    }

    /// How many bytes the response says that it has.
    var contentLength: Int? { self["content-length"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil } }
}
