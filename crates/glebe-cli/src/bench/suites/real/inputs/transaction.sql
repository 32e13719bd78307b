\set from random(0, 900)
select sum(length(name)), count(distinct owner) from item where owner between :from and :from + 60;
select max(parts) from (select string_to_array(name, 'a') as parts from item
  where owner between :from and :from + 40 order by name desc) as sorted;
select count(*), max(length(document::text)) from (select jsonb_agg(item) as document from item
  where owner between :from and :from + 20 group by owner) as grouped;
select count(*) from item a join item b on a.name = b.name where a.owner = :from;
select count(*) from regexp_split_to_table((select string_agg(name, ' ') from item
  where owner = :from), '[0-9]+') as part;
