-- Follows the generated inserts into `item(id, owner, name, value)`.
create index item_owner on item(owner);
create index item_name on item(name);
create table owner as select owner, count(*) as items, sum(value) as total, min(name) as least
  from item group by owner;
select count(*) from (select a.id from item a join owner b on a.name = b.least);
select length(group_concat(name, ',')) from (select name from item order by name desc, id);
update item set name = upper(name) || owner where id % 3 = 0;
with recursive step(id, depth) as
  (select 1, 0 union all select id * 2 + depth % 2, depth + 1 from step where id < 100000)
  select count(*), max(depth) from step;
create table word as select id, substr(name, 1, 12) as text from item order by text;
delete from item where id % 2 = 1;
select count(*) from item;
select 'done ' || sum(items) from owner;
