# Objects, strings, arrays and hashes. Arguments: size and seed.
size, seed = ARGV.map(&:to_i)
random = Random.new(seed)
Node = Struct.new(:key, :text, :children)

def check(holds)
  raise 'wrong result' unless holds
end

words = Array.new(size) { "w#{random.rand(size)}#{'x' * random.rand(60)}" }
counts = words.tally
check(counts.values.sum == size)

text = words.join(' ')
check(text.upcase.downcase.split == words)
check(!text.gsub(/x+/) { |run| run.size.to_s }.include?('x'))

nodes = words.each_with_index.map { |word, i| Node.new(i, word + '!', []) }
(1...size).each { |i| nodes[random.rand(i)].children << nodes[i] }
ordered = nodes.sort_by { |node| [node.text, node.key] }
check(ordered.each_cons(2).all? { |a, b| a.text <= b.text })

3.times do |round|
  nodes.each_slice(2) { |node, _| node.text = "#{node.key} #{round} " * 5 }
end
groups = nodes.group_by { |node| node.text[0, 3] }
puts "done #{groups.values.sum(&:size)}"
