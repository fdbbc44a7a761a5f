/// The style sheet and the scripts of pages, from the files in `Assets`.
///
/// They are compiled into the program, so that it is one file wherever it runs.
enum ReportAssets {
    static let style = text(PackageResources.report_css)

    /// Each file is a function of its own, so that names don't meet.
    static let script = [
        PackageResources.theme_js, PackageResources.samples_js, PackageResources.viewer_js,
    ].map { "(() => {\n\"use strict\";\n\(text($0))})();\n" }.joined()

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
