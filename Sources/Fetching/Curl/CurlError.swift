internal import CCurl

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
