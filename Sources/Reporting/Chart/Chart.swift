/// A chart of any kind, before it is decided what it looks like.
public enum Chart: Sendable, Hashable {
    case lines(LineChart)
    case dots(DotChart)
    case bars(BarChart)
    case radar(RadarChart)

    /// What the chart shows, as a phrase.
    public var title: String {
        switch self {
        case .lines(let chart): chart.title
        case .dots(let chart): chart.title
        case .bars(let chart): chart.title
        case .radar(let chart): chart.title
        }
    }
}
