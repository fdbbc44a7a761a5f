internal import Base

#if canImport(Glibc)
    internal import Glibc
#endif

/// A date and a time of day, for chat templates that ask for them.
package struct ChatDate: Sendable, Hashable {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    let microsecond: Int

    /// A date of the Gregorian calendar; what is out of range counts as the nearest that is in it.
    package init(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0
    ) {
        func bounded(_ value: Int, _ range: ClosedRange<Int>) -> Int {
            min(max(value, range.lowerBound), range.upperBound)
        }
        self.year = bounded(year, 1...9999)
        self.month = bounded(month, 1...12)
        self.day = bounded(day, 1...Self.days(of: self.month, self.year))
        self.hour = bounded(hour, 0...23)
        self.minute = bounded(minute, 0...59)
        self.second = bounded(second, 0...59)
        self.microsecond = bounded(microsecond, 0...999_999)
    }

    /// The time of this machine's clock in its time zone, as Python's `datetime.now()`.
    package static func now() -> ChatDate {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        localtime_r(&time.tv_sec, &parts)
        return ChatDate(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec),
            microsecond: time.tv_nsec / 1000)
    }

    /// A part of a format that has no meaning here.
    struct UnknownConversion: Error {
        let conversion: String
    }

    static let known =
        "a, A, b, B, c, d, D, e, f, F, h, H, I, j, k, l, m, M, n, p, r, R, S, t, T, u, w, x, X, y, Y, z, Z"

    /// The text of a format, as Python's `strftime` of a date without a time zone writes it on Linux in the locale C.
    func text(_ format: String) throws(UnknownConversion) -> String {
        var result = ""
        var scalars = format.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            var conversion = scalars.next()
            let isBare = conversion == "-"
            if isBare { conversion = scalars.next() }
            guard let conversion, let text = part(conversion, isBare: isBare) else {
                throw UnknownConversion(
                    conversion: "%\(isBare ? "-" : "")\(conversion.map(String.init) ?? "")")
            }
            result += text
        }
        return result
    }

    /// - Parameter isBare: whether numbers have no zeros or spaces before them.
    private func part(_ conversion: Unicode.Scalar, isBare: Bool) -> String? {
        func padded(_ number: Int, _ width: Int, _ filler: Character = "0") -> String {
            let digits = "\(number)"
            return String(repeating: filler, count: isBare ? 0 : max(0, width - digits.utf8.count)) + digits
        }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let hour12 = (hour + 11) % 12 + 1
        switch conversion {
        case "a": return String(Self.days[weekday].prefix(3))
        case "A": return Self.days[weekday]
        case "b", "h": return String(Self.months[month - 1].prefix(3))
        case "B": return Self.months[month - 1]
        case "d": return padded(day, 2)
        case "e": return padded(day, 2, " ")
        case "H": return padded(hour, 2)
        case "I": return padded(hour12, 2)
        case "k": return padded(hour, 2, " ")
        case "l": return padded(hour12, 2, " ")
        case "j": return padded(dayOfYear, 3)
        case "m": return padded(month, 2)
        case "M": return padded(minute, 2)
        case "S": return padded(second, 2)
        case "u": return padded(weekday == 0 ? 7 : weekday, 1)
        case "w": return padded(weekday, 1)
        case "y": return padded(year % 100, 2)
        case "Y": return "\(year)"
        default: break
        }
        guard !isBare else { return nil }
        switch conversion {
        case "%": return "%"
        case "n": return "\n"
        case "t": return "\t"
        case "p": return hour < 12 ? "AM" : "PM"
        case "f":
            let digits = "\(microsecond)"
            return String(repeating: "0", count: 6 - digits.utf8.count) + digits
        case "D", "x": return "\(two(month))/\(two(day))/\(two(year % 100))"
        case "F": return "\(year)-\(two(month))-\(two(day))"
        case "R": return "\(two(hour)):\(two(minute))"
        case "T", "X": return "\(two(hour)):\(two(minute)):\(two(second))"
        case "r": return "\(two(hour12)):\(two(minute)):\(two(second)) \(hour < 12 ? "AM" : "PM")"
        case "c":
            let date =
                "\(Self.days[weekday].prefix(3)) \(Self.months[month - 1].prefix(3)) \(day < 10 ? " " : "")\(day)"
            return "\(date) \(two(hour)):\(two(minute)):\(two(second)) \(year)"
        case "z", "Z": return ""
        default: return nil
        }
    }

    private static let days = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ]

    private static func days(of month: Int, _ year: Int) -> Int {
        if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// From 1.
    private var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.days(of: $1, year) } }

    /// From Sunday, 0.
    private var weekday: Int {
        let before = year - 1
        // The first day of the year 1 was a Monday.
        return (before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear) % 7
    }
}
