/// How patient downloads are; none of it decides what is downloaded.
package struct TransferOptions: Sendable {
    /// Downloads at once.
    package var parallel = 4
    /// Until a connection stands, in milliseconds.
    package var connectMilliseconds = 30_000
    /// Bytes per second below which a connection counts as stalled.
    package var lowestSpeed = 1000
    /// For how long, in seconds.
    package var slowSeconds = 30
    /// Attempts in a row that bring nothing new, per address.
    package var attempts = 6
    /// The first pause between attempts, in seconds; each is twice the one before, with up to a half taken off at
    /// random.
    package var firstPause = 1.0
    /// The longest of these pauses, in seconds.
    package var longestPause = 60.0
    /// The longest wait that a server may ask for, in seconds; a longer one is an error that names it.
    package var longestWait = 600
    /// Redirects per attempt.
    package var redirects = 10
    /// Downloads of wrong content per address: one more than the part that was on the disk already.
    package var wrongContents = 2
    /// A file of certificates of authorities instead of the system's.
    package var certificates: String?

    /// The usual ones.
    package init() {}

    /// The pause before attempt `number` (from 1), in seconds.
    func pause(before number: Int, random: Double = .random(in: 0...1)) -> Double {
        var pause = firstPause
        for _ in 1..<max(1, min(number, 32)) { pause = min(pause * 2, longestPause) }
        return min(pause, longestPause) * (1 - random / 2)
    }
}
