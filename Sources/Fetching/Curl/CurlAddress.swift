internal import CCurl

/// A URL as libcurl reads it, so that what is decided by its parts is decided by those that it will connect to.
struct CurlAddress {
    let scheme: String
    let host: String
    /// Nil unless the URL names one.
    let port: String?
    let path: String
    /// Whether it has a user's name or password.
    let hasUser: Bool

    /// Nil for what libcurl wouldn't take.
    init?(_ url: String) {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        func part(_ part: CURLUPart) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        guard curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK, let scheme = part(CURLUPART_SCHEME),
            let host = part(CURLUPART_HOST)
        else { return nil }
        (self.scheme, self.host) = (scheme, host)
        port = part(CURLUPART_PORT)
        path = part(CURLUPART_PATH) ?? ""
        hasUser = part(CURLUPART_USER) != nil || part(CURLUPART_PASSWORD) != nil
    }
}
