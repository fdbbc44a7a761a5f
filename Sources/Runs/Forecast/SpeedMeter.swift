/// A piece of work whose time on this machine can be measured: what it is, and how large.
package struct Work: Hashable, Sendable {
    package let name: String
    package let size: Facts

    /// Work of this name and size.
    package init(_ name: String, _ size: Facts) {
        self.name = name
        self.size = size
    }
}

/// How fast this machine does pieces of work.
///
/// Whoever implements it knows what the names mean; it may measure when it is first asked, and never before.
package protocol SpeedMeter: Sendable {
    /// Seconds that the work takes; nil where it can't tell.
    func seconds(of work: Work) -> Double?
}
