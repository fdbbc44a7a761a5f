#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A moment in UTC, to the second.
package struct Timestamp: Sendable {
    package let secondsSince1970: Int

    package init(secondsSince1970 seconds: Int) { secondsSince1970 = seconds }

    /// What the system's clock says; only for records, never for durations.
    package static func now() -> Timestamp { Timestamp(secondsSince1970: time(nil)) }

    /// ISO 8601: `2026-11-21T09:30:00Z`.
    package var text: String {
        let (date, clock) = parts
        return "\(date[0])-\(date[1])-\(date[2])T\(clock[0]):\(clock[1]):\(clock[2])Z"
    }

    /// For names of files: `20261121T093000Z`.
    package var compact: String {
        let (date, clock) = parts
        return date.joined() + "T" + clock.joined() + "Z"
    }

    /// Whether a text has the form of ``compact``.
    static func isCompact(_ text: String) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return text.utf8.map { digits ~= $0 ? UInt8(ascii: "0") : $0 } == Array("00000000T000000Z".utf8)
    }

    private var parts: (date: [String], clock: [String]) {
        var time = time_t(secondsSince1970)
        var fields = tm()
        gmtime_r(&time, &fields)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return (
            [String(fields.tm_year + 1900), padded(fields.tm_mon + 1), padded(fields.tm_mday)],
            [padded(fields.tm_hour), padded(fields.tm_min), padded(fields.tm_sec)]
        )
    }
}
