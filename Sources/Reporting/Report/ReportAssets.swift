/// The style sheet and the scripts of pages, from the files in `Assets`.
///
/// They are compiled into the program, so that it is one file wherever it runs.
enum ReportAssets {
    static let style = "\n" + text(PackageResources.report_css)

    /// Each file is a function of its own, so that names don't meet.
    static let script =
        "\n"
        + [
            PackageResources.theme_js, PackageResources.samples_js, PackageResources.viewer_js,
        ].map { "(() => {\n\"use strict\";\n\(text($0))})();\n" }.joined()

    /// What a browser lets a page do.
    ///
    /// It runs these scripts and applies these style sheets, and nothing else. It loads
    /// nothing, sends nothing, and runs no script that text of others brought.
    static let policy = ContentPolicy(scripts: [script], styles: [style, ChartTheme.styleSheet])

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
