/// A piece of work whose time on this machine can be measured: what it is, and how large.
public struct Work: Hashable, Sendable {
    public let name: String
    public let size: Facts

    /// Work of this name and size.
    public init(_ name: String, _ size: Facts) {
        self.name = name
        self.size = size
    }
}

/// How fast this machine does pieces of work.
///
/// Whoever implements it knows what the names mean; it may measure when it is first asked, and never before.
public protocol SpeedMeter: Sendable {
    /// Seconds that the work takes; nil where it can't tell.
    func seconds(of work: Work) -> Double?
}
