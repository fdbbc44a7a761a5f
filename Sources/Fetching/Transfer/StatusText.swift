/// HTTP statuses for people.
enum StatusText {
    /// "HTTP 404 (not found)".
    static func text(_ head: ResponseHead) -> String {
        let words: [Int: String] = [
            400: "bad request", 401: "a token is needed", 403: "not allowed", 404: "not found",
            408: "timeout",
            410: "gone", 416: "no such range", 429: "too many requests", 451: "withheld for legal reasons",
            500: "the server's own error", 502: "bad gateway", 503: "unavailable", 504: "gateway timeout",
        ]
        return "HTTP \(head.status)" + (words[head.status].map { " (\($0))" } ?? "")
    }
}
