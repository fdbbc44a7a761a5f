package import Base
package import Documents

/// All that is wrong in a configuration.
package struct ConfigurationError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }
    package var hasOwnLines: Bool { true }

    /// The problems, sorted by their place; never empty.
    package let diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) {
        // Variants of one stage share most of their lines, and with them their problems.
        var seen: Set<Diagnostic> = []
        self.diagnostics =
            diagnostics
            .filter { seen.insert($0).inserted }
            .sorted { ($0.file, $0.line, $0.column) < ($1.file, $1.line, $1.column) }
    }

    package var description: String {
        diagnostics.map(\.description).joined(separator: "\n\n")
            + "\n\n\(countText) found; nothing was run."
    }

    /// "1 problem"; not all of many are looked for.
    package var countText: String {
        switch diagnostics.count {
        case 1: "1 problem"
        case ..<ExperimentLoader.problemLimit: "\(diagnostics.count) problems"
        default: "At least \(diagnostics.count) problems"
        }
    }
}
