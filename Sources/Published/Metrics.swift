/// What metrics are called in tables.
enum MetricName {
    static func label(_ metric: String) -> String {
        switch metric {
        case "accuracy": "accuracy (%)"
        case "accuracy_at_TPF1": "accuracy at TPF 1 (%)"
        case "TPS": "tokens/s"
        case "latency_s": "latency (s)"
        case "speedup": "speedup (x)"
        case "gen_length": "tokens generated"
        default: metric
        }
    }

    /// The digits that a computed number is shown with.
    static func digits(_ metric: String) -> Int { metric == "NFE" || metric == "steps" ? 1 : 2 }
}
