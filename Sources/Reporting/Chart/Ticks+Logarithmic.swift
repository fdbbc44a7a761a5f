extension Ticks {
    /// The marks of an axis of some scale.
    init(spanning data: [Double], scale: AxisScale, count: Int = 6) {
        switch scale {
        case .linear: self.init(spanning: data, count: count)
        case .logarithmic: self.init(logarithmic: data)
        }
    }

    /// Powers of ten that span all of `data`, and 2 and 5 times them where there would be few.
    ///
    /// Without data the axis goes from 1 to 10.
    private init(logarithmic data: [Double]) {
        let data = data.filter(AxisScale.logarithmic.canShow)
        let low = data.min() ?? 1
        let high = data.max() ?? 10
        var first = 0
        while Self.power(first) > low, first > -300 { first -= 1 }
        while Self.power(first + 1) <= low, first < 300 { first += 1 }
        var last = first + 1
        while Self.power(last) < high, last < 300 { last += 1 }
        let factors = last - first > 2 ? [1.0] : [1, 2, 5]
        var marks = (first..<last).flatMap { power in factors.map { $0 * Self.power(power) } }
        marks.append(Self.power(last))
        // Marks beyond the first one outside of the data on each side would only be empty space.
        let start = marks.lastIndex { $0 <= low } ?? 0
        let end = max(marks.firstIndex { $0 >= high } ?? marks.count - 1, start + 1)
        self.init(values: Array(marks[start...min(end, marks.count - 1)]), digits: 0, scale: .logarithmic)
    }
}
