/// A file of the web page; they are part of the program, and there are no others.
struct Asset: Sendable {
    let type: String
    let bytes: [UInt8]

    /// The file at a path.
    static func at(_ path: String) -> Asset? {
        switch path {
        case "/": Asset(type: "text/html; charset=utf-8", bytes: PackageResources.page_html)
        case "/page.css": Asset(type: "text/css; charset=utf-8", bytes: PackageResources.page_css)
        case "/page.js": Asset(type: "text/javascript; charset=utf-8", bytes: PackageResources.page_js)
        default: nil
        }
    }

    /// The page loads nothing from elsewhere, runs no script but its own, and isn't shown inside another.
    static let headers = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    ]
}
