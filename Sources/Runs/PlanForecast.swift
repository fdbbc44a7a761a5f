package import ArtifactStore
package import JSON
internal import Recipes

/// What a plan's stages would take together, and what stands against it.
package struct PlanForecast: Sendable {
    /// How many threads it is for.
    package let threads: Int
    /// The sum over the stages, one after another; nil where no stage knows.
    package let seconds: Double?
    /// The stages that can't tell how long they take.
    package let unknown: [String]
    /// The largest resident size of any one stage, in bytes, and that stage.
    package let memory: (bytes: Int, stage: String)?
    /// What the artifacts take on disk, in bytes.
    package let disk: Int
    /// The most that is on disk at a time besides, in bytes.
    package let scratch: Int
    /// What is to be downloaded, in bytes, as far as it is known; nil where no stage takes anything from outside.
    package let download: Int?
    /// The stages whose downloads are of unknown size.
    package let unknownDownloads: [String]
    /// What can still be had, in bytes; nil where the system doesn't tell.
    package let availableMemory: Int?
    package let freeSpace: Int?
    /// Whether its large models fit, in each form that they could be used in.
    package let models: [ModelFit]

    package init(
        _ forecasts: [(stage: String, forecast: StageForecast?)], threads: Int, store: Store,
        availableMemory: Int? = Machine.availableMemory()
    ) {
        self.threads = threads
        let known = forecasts.compactMap { $0.forecast?.seconds }
        seconds = known.isEmpty ? nil : known.reduce(0, +)
        unknown = forecasts.filter { $0.forecast?.seconds == nil }.map(\.stage)
        memory =
            forecasts.compactMap { item in item.forecast?.memory.map { (bytes: $0, stage: item.stage) } }
            .max { $0.bytes < $1.bytes }
        disk = forecasts.reduce(0) { $0.addingClamped($1.forecast?.disk ?? 0) }
        scratch = forecasts.compactMap { $0.forecast?.scratch }.max() ?? 0
        let downloads = forecasts.compactMap { item in
            item.forecast?.download.map { (stage: item.stage, size: $0) }
        }
        download =
            downloads.isEmpty
            ? nil
            : downloads.reduce(0) { sum, item in
                if case .bytes(let bytes) = item.size { sum.addingClamped(bytes) } else { sum }
            }
        unknownDownloads = downloads.filter { $0.size == .unknown }.map(\.stage)
        self.availableMemory = availableMemory
        models = ModelFit.all(forecasts.compactMap(\.forecast), available: availableMemory)
        freeSpace = store.freeSpace()
    }

    /// What won't do, as sentences; empty where memory and disk suffice.
    package var warnings: [String] {
        var warnings: [String] = []
        if let memory, let availableMemory, memory.bytes > availableMemory {
            warnings.append(
                "Stage \(memory.stage) would need about \(Readable.size(memory.bytes)) of memory, and \(Readable.size(availableMemory)) are available; it would be killed or swap. Use a machine with more, or a smaller model or batch."
            )
        }
        let needed = disk.addingClamped(scratch)
        if let freeSpace, needed > freeSpace {
            warnings.append(
                "The run would need about \(Readable.size(needed)) of disk, and \(Readable.size(freeSpace)) are free where the store is. Use another place (--store)."
            )
        }
        return warnings
    }

    /// One line on the sum, and one for each warning.
    package var text: String {
        var parts: [String] = []
        if let seconds {
            parts.append(
                "about \(Readable.span(seconds)) on \(threads) \(threads == 1 ? "thread" : "threads")")
        }
        if let memory { parts.append("at most \(Readable.size(memory.bytes)) of memory (\(memory.stage))") }
        parts.append("\(Readable.size(disk)) of disk")
        var text = "Forecast of what would run: \(parts.joined(separator: ", ")).\n"
        func list(_ names: [String]) -> String {
            names.prefix(4).joined(separator: ", ")
                + (names.count > 4 ? " and \(names.count - 4) more" : "")
        }
        if !unknown.isEmpty { text += "Not counted: \(list(unknown)).\n" }
        if let download {
            var parts = download > 0 || unknownDownloads.isEmpty ? [Readable.size(download)] : []
            if !unknownDownloads.isEmpty {
                parts.append("of unknown size \(list(unknownDownloads)), which data.lock doesn't pin yet")
            }
            text += "Downloads: \(parts.joined(separator: "; ")).\n"
        }
        text += ModelFit.text(models)
        return text + warnings.map { "Warning: \($0)\n" }.joined()
    }

    package var value: JSONValue {
        [
            "threads": .integer(threads), "seconds": seconds.map(JSONValue.number) ?? .null,
            "unknown": .array(unknown.map(JSONValue.string)),
            "memoryBytes": memory.map { .integer($0.bytes) } ?? .null,
            "diskBytes": .integer(disk), "scratchBytes": .integer(scratch),
            "downloadBytes": download.map(JSONValue.integer) ?? .null,
            "unknownDownloads": .array(unknownDownloads.map(JSONValue.string)),
            "availableMemoryBytes": availableMemory.map(JSONValue.integer) ?? .null,
            "freeDiskBytes": freeSpace.map(JSONValue.integer) ?? .null,
            "models": .array(models.map(\.value)),
            "warnings": .array(warnings.map(JSONValue.string)),
        ]
    }
}

extension Int {
    /// The sum, or the largest number where that is too small: sizes that come of nonsense in a file are nonsense, no
    /// reason to stop.
    fileprivate func addingClamped(_ other: Int) -> Int {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}

/// Whether a model fits into a machine's memory in one form: the most that any stage of a plan takes with it.
package struct ModelFit: Sendable {
    package enum Verdict: String, Sendable {
        case fits
        /// Less than a sixth of the memory is left, which the system's cache of the model's file would want.
        case tight
        case doesNotFit = "doesn't fit"
        /// The system doesn't tell how much memory there is.
        case unknown
    }

    package let need: StageForecast.ModelMemory
    /// In bytes; nil where the system doesn't tell.
    package let available: Int?

    /// A model below this many bytes fits everywhere, and isn't spoken of.
    static let smallest = 1_000_000_000

    package var verdict: Verdict {
        guard let available else { return .unknown }
        if need.bytes > available { return .doesNotFit }
        return Double(need.bytes) > Double(available) * 5 / 6 ? .tight : .fits
    }

    /// The forms of the large models of a plan, in the order in which its stages name them.
    static func all(_ forecasts: [StageForecast], available: Int?) -> [ModelFit] {
        var order: [String] = []
        var largest: [String: StageForecast.ModelMemory] = [:]
        for need in forecasts.flatMap(\.models) {
            let key = "\(need.model)\n\(need.form)"
            guard let known = largest[key] else {
                order.append(key)
                largest[key] = need
                continue
            }
            largest[key] = StageForecast.ModelMemory(
                model: need.model, form: need.form, bytes: max(known.bytes, need.bytes),
                isChosen: known.isChosen || need.isChosen)
        }
        let large = Set(largest.values.filter { $0.bytes >= smallest }.map(\.model))
        return order.compactMap { largest[$0] }.filter { large.contains($0.model) }
            .map { ModelFit(need: $0, available: available) }
    }

    /// The rows as text, one for each form; those that the plan's stages have are marked.
    static func text(_ fits: [ModelFit]) -> String {
        guard let first = fits.first else { return "" }
        let width = fits.map { $0.need.model.count + $0.need.form.count }.max() ?? 0
        let head =
            first.available.map { "Models in \(Readable.size($0)) of available memory:" }
            ?? "Models in memory:"
        let lines = fits.map { fit in
            let name = "\(fit.need.model), \(fit.need.form)"
            let verdict = fit.verdict == .unknown ? "" : fit.verdict.rawValue
            return "  "
                + name.padded(to: width + 2) + "  " + verdict.padded(to: 11) + "  "
                + Readable.size(fit.need.bytes) + (fit.need.isChosen ? "  as configured" : "")
        }
        return ([head] + lines).joined(separator: "\n") + "\n"
    }

    var value: JSONValue {
        [
            "model": .string(need.model), "form": .string(need.form), "bytes": .integer(need.bytes),
            "configured": .bool(need.isChosen), "verdict": .string(verdict.rawValue),
        ]
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
