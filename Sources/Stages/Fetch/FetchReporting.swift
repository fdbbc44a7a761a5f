import Fetching
internal import Runs

/// Shows downloads on a line of the log: megabytes, their rate, the time that is left.
package final class FetchReporting: FetchObserver {
    private let makeLine: (_ total: Int?, _ unit: String) -> (Int) -> Void
    private let write: (String) -> Void
    private var advanceLine: ((Int) -> Void)?
    private var unit = 1_000_000
    /// Bytes that make no whole unit yet.
    private var rest = 0

    /// - Parameters:
    ///   - line: Begins the line; what it gives counts units.
    ///   - log: Writes a line that stays.
    package init(
        line: @escaping (_ total: Int?, _ unit: String) -> (Int) -> Void, log: @escaping (String) -> Void
    ) {
        makeLine = line
        write = log
    }

    package func begin(bytes total: Int?) {
        // A few megabytes would pass in few steps.
        let isSmall = total.map { $0 < 20_000_000 } ?? false
        unit = isSmall ? 1000 : 1_000_000
        rest = 0
        advanceLine = makeLine(total.map { ($0 + unit - 1) / unit }, isSmall ? "kB" : "MB")
    }

    package func advance(by bytes: Int, isInherited: Bool) {
        rest += bytes
        let whole = rest / unit
        guard whole != 0 else { return }
        rest -= whole * unit
        advanceLine?(whole)
    }

    package func log(_ message: String) { write(message) }
}

extension FetchReporting {
    /// The line of a stage.
    convenience init(_ context: StageContext) {
        self.init(
            line: { total, unit in
                let progress = context.progress(total: total, unit: unit)
                return { progress.advance(by: $0) }
            }, log: { context.log($0) })
    }
}
