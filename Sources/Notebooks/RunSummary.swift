internal import ArtifactStore
internal import Base
internal import JSON

/// What a notebook says of a run: which, with what program, where, and how to repeat it.
struct RunSummary {
    private let record: RunRecord
    private let address: String
    private let link: String?
    private let artifacts: [(stage: String, fingerprint: String)]

    init(
        _ record: RunRecord, address: String, link: String?,
        artifacts: [(stage: String, fingerprint: String)]
    ) {
        self.record = record
        self.address = address
        self.link = link
        self.artifacts = artifacts
    }

    /// A Markdown list: run, artifacts, code, machine.
    var text: String {
        let place = link.map { " ([record](\($0)))" } ?? ""
        var lines = [
            "run: \(Markdown.code(address)), \(record.status.rawValue) \(Markdown.text(record.finished))\(place)"
        ]
        if !artifacts.isEmpty {
            let list = artifacts.map { Markdown.code("\($0.stage)-\($0.fingerprint.prefix(12))") }
            lines.append("\(list.count == 1 ? "artifact" : "artifacts"): \(list.joined(separator: ", "))")
        }
        lines.append("code: \(code)")
        lines.append("machine: \(machine)")
        return lines.map { "* \($0)" }.joined(separator: "\n")
    }

    private var code: String {
        let version = record.code["version"]?.string ?? "of an unknown version"
        let commit =
            record.code["commit"]?.string.map { ", commit \(Markdown.code(String($0.prefix(12))))" } ?? ""
        let changes = record.code["dirty"]?.bool == true ? " with changes that weren't committed" : ""
        return "d3llm \(Markdown.text(version))\(commit)\(changes)"
    }

    private var machine: String {
        let machine = record.machine
        var parts: [String] = []
        if let processor = machine["processor"]?.string { parts.append(Markdown.text(processor)) }
        if let cores = machine["cores"]?.int { parts.append("\(cores) cores") }
        if let memory = machine["memoryBytes"]?.int {
            parts.append("\(Int((Double(memory) / 1_073_741_824).rounded())) GiB")
        }
        if let threads = machine["threads"]?.int { parts.append("\(threads) threads") }
        if let kernels = machine["kernels"]?.string { parts.append("kernels for \(Markdown.text(kernels))") }
        if let system = machine["system"]?.string {
            parts.append(Markdown.text(system.byteText.split(",").first?.text ?? ""))
        }
        return parts.joined(separator: ", ")
    }

    /// The commands that make and record the results again, as a code block.
    ///
    /// - Throws: A problem where the record doesn't say which configuration it was.
    func repetition() throws(NotebookProblem) -> String {
        guard let config = record.config else {
            throw .marker(
                "The record of \(address) doesn't say which configuration was run (format \(record.format)).")
        }
        var command = [".build/release/d3llm", "run", config.file]
        for override in config.overrides { command += ["--set", override] }
        if let threads = record.machine["threads"]?.int { command += ["--threads", "\(threads)"] }
        let commit =
            record.code["commit"]?.string.map { "   # these results: commit \($0.prefix(12).visible)" } ?? ""
        return """
            ```sh
            make build\(commit)
            \(command.map { ShellWord.quoted($0) }.joined(separator: " "))
            make record RUN=\(ShellWord.quoted(record.experiment))
            ```
            """
    }
}
