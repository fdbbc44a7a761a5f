package import ArtifactStore
internal import JSON
internal import Recipes

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
