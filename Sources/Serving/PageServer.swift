internal import JSON
internal import Synchronization

/// A server of pages that are made when they are asked for; it changes nothing and knows no model.
package final class PageServer: Sendable {
    /// What stands at a path.
    package struct Page: Sendable {
        let type: String
        let bytes: [UInt8]
        /// Seconds after which a browser should ask again; nil for never.
        let refresh: Int?
        /// Whether the page was written by this program just now; any other one may do nothing but show itself.
        let isOwn: Bool

        /// A page of text in UTF-8.
        package init(html: String, refresh: Int? = nil) {
            (type, bytes) = ("text/html; charset=utf-8", Array(html.utf8))
            (self.refresh, isOwn) = (refresh, true)
        }

        /// A page from a file, which anybody may have written: in the browser it has an origin of its own, loads nothing and
        /// reaches nothing.
        package init(foreign bytes: [UInt8]) {
            (type, self.bytes) = ("text/html; charset=utf-8", bytes)
            (refresh, isOwn) = (nil, false)
        }
    }

    private let host: String
    private let port: Int
    private let check: OriginCheck
    private let limits = HTTPLimits()
    private let log: @Sendable (String) -> Void
    private let page: @Sendable (String) -> Page?
    private let isStopping = Atomic<Bool>(false)

    /// - Parameters:
    ///   - host: A numeric address.
    ///   - port: 0 for any that is free.
    ///   - allowedHosts: Names under which it may be called besides localhost and numeric addresses.
    ///   - log: Gets a line per request.
    ///   - page: Makes the page at a path, which is as it was sent; nil where there is none.
    package init(
        host: String, port: Int, allowedHosts: [String], log: @escaping @Sendable (String) -> Void,
        page: @escaping @Sendable (String) -> Page?
    ) {
        (self.host, self.port, self.log, self.page) = (host, port, log, page)
        check = OriginCheck(allowedHosts: allowedHosts)
    }

    /// Serves until it is told to stop.
    ///
    /// - Parameters:
    ///   - ready: Gets the address once clients can connect.
    ///   - shouldStop: Asked several times a second.
    /// - Throws: ``ListenError``.
    package func run(ready: (String) -> Void, shouldStop: () -> Bool) throws(ListenError) {
        let service = HTTPService(
            limits, Activity(), log: log, stops: { [self] in isStopping.load(ordering: .relaxed) },
            route: { [self] in try answer($0, $1) })
        try service.run(host: host, port: port, ready: ready, shouldStop: shouldStop) {
            isStopping.store(true, ordering: .relaxed)
        }
    }

    private func answer(_ request: HTTPRequest, _ responder: HTTPResponder) throws {
        try check.check(request)
        try request.expect(["GET", "HEAD"])
        guard let page = page(request.path) else {
            throw HTTPProblem(404, "There is nothing at \(request.path.prefix(200)).")
        }
        // The page's own policy, in its head, says more; this one holds for what it doesn't say.
        let policy =
            page.isOwn
            ? "frame-ancestors 'none'"
            : "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        let refresh = page.refresh.map { [("Refresh", "\($0)")] } ?? []
        try responder.send(
            200, page.type, page.bytes, headers: [("Content-Security-Policy", policy)] + refresh)
    }
}
