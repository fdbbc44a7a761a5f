internal import ArtifactStore
import Audit
internal import Base
internal import JSON
internal import Reporting

/// Where and with which code the run and its artifacts were made, and how to make them again.
struct ReportEnvironment {
    let source: ReportSource

    private var run: RunRecord { source.run }

    var section: ReportSection {
        ReportSection("environment", "Environment and repetition") {
            if run.code["dirty"]?.bool == true {
                HTML.element(.div, .class("box warning")) {
                    HTML.paragraph(
                        "The program was built from sources that differ from its commit (dirty): the commit alone doesn't give the program back."
                    )
                }
            }
            HTML.element(.h3, text: "This run")
            list(
                [
                    ("run", source.contents.location.address), ("status", run.status.rawValue),
                    ("started", run.started), ("finished", run.finished),
                    ("configuration", source.configuration),
                ])
            HTML.element(.h3, text: "Program")
            list(facts(run.code))
            HTML.element(.h3, text: "Machine")
            list(
                facts(run.machine)
                    + run.environment.sorted { $0.key < $1.key }.map { ("$\($0.key)", $0.value) })
            builds
            HTML.element(.h3, text: "Again")
            HTML.element(.ul) {
                for (what, command) in [
                    ("The whole experiment", "d3llm run \(source.configuration)"),
                    (
                        "Check every file, number and twenty random samples",
                        "d3llm verify \(ShellWord.quoted(run.experiment)) --rerun 20"
                    ),
                    (
                        "The run with everything it was made from, to give away",
                        "d3llm export \(ShellWord.quoted(run.experiment)) --output run.tar.zst"
                    ),
                    ("This page", "d3llm report \(ShellWord.quoted(run.experiment))"),
                ] {
                    HTML.element(.li) {
                        HTML.text("\(what): ")
                        HTML.command(command)
                    }
                }
            }
        }
    }

    /// The programs that artifacts were made with, where they aren't all this run's.
    private var builds: HTML {
        var keys: [JSONValue] = []
        var counts: [Int] = []
        for item in source.contents.items {
            guard let code = item.artifact?.record.code else { continue }
            if let index = keys.firstIndex(of: code) {
                counts[index] += 1
            } else {
                keys.append(code)
                counts.append(1)
            }
        }
        guard keys.count > 1 else { return .empty }
        return .details("The artifacts were made by \(keys.count) builds of the program") {
            ReportTable(
                caption: "Programs that the artifacts were made with",
                columns: [
                    .init("Commit"), .init("Changed sources"), .init("Version"), .init("Executable"),
                    .init("Artifacts", isNumeric: true),
                ],
                rows: zip(keys, counts).map { code, count in
                    ReportTable.Row([
                        .element(.code, text: String((code["commit"]?.string ?? "unknown").prefix(12))),
                        .text(code["dirty"]?.bool.map { $0 ? "yes" : "no" } ?? "unknown"),
                        .text(code["version"]?.string ?? "—"),
                        .element(.code, text: String((code["executableSHA256"]?.string ?? "—").prefix(12))),
                        .text("\(count)"),
                    ])
                }
            ).html
        }
    }

    private func list(_ facts: [(String, String)]) -> HTML {
        .element(
            .dl, [],
            facts.flatMap { name, value in
                [HTML.element(.dt, text: name), .element(.dd, text: value)]
            })
    }

    /// The members of an object by dotted path.
    private func facts(_ value: JSONValue, _ path: String = "") -> [(String, String)] {
        if let members = value.object?.members {
            return members.flatMap { facts($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
        }
        return value == .null ? [] : [(path, value.string ?? value.oneLineText)]
    }
}

extension JSONValue {
    /// As JSON on one line.
    fileprivate var oneLineText: String {
        (try? compactBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }
}
